// Formats an operation. GraphiQL's own formatting would drop the comments. Loaded when first used.

export async function prettify(query: string): Promise<string> {
  const [{ format }, graphql] = await Promise.all([
    import("prettier/standalone"),
    import("prettier/plugins/graphql"),
  ]);
  return (await format(query, { parser: "graphql", plugins: [graphql] })).trimEnd();
}
