// The texts of the page of invitations; `{{…}}` in its HTML is filled from here.

export const invitation = {
  pageTitle: "Accept your invitation · Tessera",
  title: "Accept your invitation",
  lead: "Choose a password to sign in with.",
  submit: "Set password",
  submitting: "Setting password…",
  noInvitation: "This address has no invitation. Open the complete link that you were sent.",
  doneTitle: "Your password is set",
  done: "Sign in with your organisation’s short name, your e-mail address and this password.",
  toSignIn: "Go to sign in",
};
