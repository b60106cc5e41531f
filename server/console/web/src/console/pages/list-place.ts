// Where the reader was in the list of tokens, so that the way back from a token leads there.
import { paths } from "../paths.ts";

let address = paths.tokens;
let left: string | undefined;

/** The address of the list as it was last shown, with its filters and its page. */
export function listAddress(): string {
  return address;
}

export function rememberList(shown: string): void {
  address = shown;
}

/** Notes that the reader goes back to the list from this token. */
export function leaveToken(id: string | undefined): void {
  left = id;
}

/** The token that the reader comes back from, once. */
export function returnedFrom(): string | undefined {
  const id = left;
  left = undefined;
  return id;
}
