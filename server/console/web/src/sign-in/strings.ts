// The texts of the sign-in page; `{{…}}` in its HTML is filled from here.

export const signIn = {
  pageTitle: "Sign in · Tessera",
  title: "Sign in",
  lead: "Manage your organisation’s API tokens.",
  tenant: "Tenant",
  tenantHint: "Your organisation’s short name.",
  missing: (label: string) => `${label} is missing.`,
  sessionNotKept:
    "The password is right, but the browser did not keep the session. Allow cookies for this site and try again.",
};
