// Every English text that the pages show; `{{…}}` in the pages' HTML is filled from here too.
// The example operations beside graphiql/examples.ts carry their own comments.

export const strings = {
  product: "Tessera",
  needsScript: "This page needs JavaScript.",

  signIn: {
    pageTitle: "Sign in · Tessera",
    title: "Sign in",
    lead: "Manage your organisation’s API tokens.",
    tenant: "Tenant",
    tenantHint: "Your organisation’s short name.",
    email: "E-mail",
    password: "Password",
    show: "Show",
    hide: "Hide",
    showPassword: "Show password",
    hidePassword: "Hide password",
    submit: "Sign in",
    submitting: "Signing in…",
    missing: (label: string) => `${label} is missing.`,
    refused: "That did not work. Check all three fields and try again.",
    tooMany: "Too many attempts.",
    wait: (seconds: number) => `Try again in ${seconds} s`,
    serverError: (status: number) => `The server could not answer (${status}). Try again in a moment.`,
    offline: "The server cannot be reached. Check your connection and try again.",
  },

  graphiql: {
    pageTitle: "GraphiQL · Tessera",
    name: "GraphiQL",
    loading: "Loading GraphiQL…",
    signedInAs: "Signed in as",
    role: { OWNER: "Owner", ADMIN: "Admin", AUDITOR: "Auditor" } as Record<string, string>,
    signOut: "Sign out",
    signingOut: "Signing out…",
    signOutFailed: "Signing out failed. You are still signed in.",
    sessionUnknown: "Who is signed in could not be read.",
    noAnswer: "The server cannot be reached.",
    notGraphQL: (status: number) => `The server answered ${status} without a GraphQL response.`,
    exampleToken: "GraphiQL example",
    exampleRenamed: "GraphiQL example, renamed",
    exampleDescription: "Made from an example.",
    tokenPlaceholder: "Run CreateToken first: its token’s id is filled in here",
  },
};
