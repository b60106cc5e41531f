// The texts of the sign-in page; `{{…}}` in its HTML is filled from here.
import { password } from "../strings.ts";

export const signIn = {
  pageTitle: "Sign in · Tessera",
  title: "Sign in",
  lead: "Manage your organisation’s API tokens.",
  tenant: "Organisation’s short name",
  tenantHint: "As in your invitation. Other admins find it in the console’s account menu.",
  missing: {
    tenant: "Enter your organisation’s short name.",
    email: "Enter an e-mail address.",
    password: password.missing,
  },
  sessionNotKept:
    "The password is correct, but the browser did not keep the session. Allow cookies for this site and try again.",
};
