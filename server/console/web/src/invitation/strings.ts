// The texts of the page of invitations; `{{…}}` in its HTML is filled from here.

export const invitation = {
  pageTitle: "Accept your invitation · Tessera",
  title: "Accept your invitation",
  lead: "Choose a password. You will sign in with it from then on.",
  submit: "Set password",
  submitting: "Setting password…",
  noInvitation: "This address holds no invitation. Open the link that you were given, whole.",
  doneTitle: "Your password is set",
  done: "Sign in with your organisation’s short name, your e-mail address and this password.",
  toSignIn: "Go to sign in",
};
