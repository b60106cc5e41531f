// Text that people wrote, such as a name: its direction of writing does not reach the text around it.

/** In a sentence of strings or in an attribute, `sentences` and `isolated` do the same. */
export function Isolated({ children }: { children: string }) {
  return <bdi>{children}</bdi>;
}
