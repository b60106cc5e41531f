// The texts of the GraphiQL page. The examples beside examples.ts carry their own comments.

export const graphiql = {
  pageTitle: "GraphiQL · Tessera",
  name: "GraphiQL",
  back: "‹ Console",
  loading: "Loading GraphiQL…",
  signedInAs: "Signed in as",
  signOut: "Sign out",
  signingOut: "Signing out…",
  sessionUnknown: "The signed-in account could not be loaded.",
  noAnswer: "The server cannot be reached.",
  notGraphQL: (status: number) => `The server answered ${status} without a GraphQL response.`,
  operation: "Operation",
  variables: "Variables",
  answer: "Answer",
  examples: "More examples",
  exampleToken: "GraphiQL example",
  exampleRenamed: "GraphiQL example, renamed",
  exampleDescription: "Created from an example.",
  tokenPlaceholder: "Run CreateToken first: its token’s id is filled in here",
};
