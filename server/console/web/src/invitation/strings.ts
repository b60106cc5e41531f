// The texts of the page of invitations; `{{…}}` in its HTML is filled from here.

export const invitation = {
  pageTitle: "Accept your invitation · Tessera",
  title: "Accept your invitation",
  lead: "Choose a password to manage your organisation’s API tokens.",
  organisation: "Organisation",
  shortName: "Short name",
  shortNameHint: "You sign in with it later, beside your e-mail address.",
  submit: "Set password and sign in",
  submitting: "Setting password…",
  goneTitle: "This invitation cannot be used",
  noInvitation: "This address has no invitation. Open the complete link that you were sent.",
  doneTitle: "Your password is set",
  done: "Sign in with your organisation’s short name, your e-mail address and this password.",
  goneLead: "If you have accepted it already, sign in with the password that you set.",
  toSignIn: "Go to sign in",
};
