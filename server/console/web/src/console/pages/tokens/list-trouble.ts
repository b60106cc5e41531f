// Errors of lists in the words of the console.
import { Trouble } from "../../trouble.ts";
import { tokens as text } from "./strings.ts";

export function isTooBroad(error: unknown): boolean {
  return error instanceof Trouble && error.code === "SEARCH_TOO_BROAD";
}

/** The error to show: a list that would read too many tokens says what to do. */
export function listTrouble(error: unknown): unknown {
  return isTooBroad(error) ? text.tooBroad : error;
}
