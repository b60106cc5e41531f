// Keeps the direction of people's text apart from that of the sentence around it, in plain strings.

// The blocks of scripts that are written from right to left, and the characters that embed such text.
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const ISOLATE = "\u2068";
const END = "\u2069";

/** The text within the characters that isolate it, unless all of it is written from left to right. */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? ISOLATE + text + END : text;
}

/** Texts of a page: their functions isolate each text that they are given. */
export function sentences<Texts extends object>(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]: [string, unknown]) => [name, isolating(text)]),
  ) as Texts;
}

function isolating(text: unknown): unknown {
  if (typeof text === "function") {
    return (...given: unknown[]): unknown =>
      text(...given.map((one) => (typeof one === "string" ? isolated(one) : one)));
  }
  const isNested = typeof text === "object" && text !== null && !Array.isArray(text);
  return isNested ? sentences(text) : text;
}
