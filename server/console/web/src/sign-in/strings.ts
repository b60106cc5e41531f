// The texts of the sign-in page; `{{…}}` in its HTML is filled from here.

export const signIn = {
  pageTitle: "Sign in · Tessera",
  title: "Sign in",
  lead: "Manage your organisation’s API tokens.",
  tenant: "Tenant",
  tenantHint: "Your organisation’s short name.",
  missing: {
    tenant: "Enter a tenant.",
    email: "Enter an e-mail address.",
    password: "Enter a password.",
  },
  sessionNotKept:
    "The password is correct, but the browser did not keep the session. Allow cookies for this site and try again.",
};
