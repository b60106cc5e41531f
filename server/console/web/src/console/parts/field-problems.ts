// What a form tells of its texts before it is sent, so that all mistakes are told at once.
import { formats } from "../formats.ts";
import { fieldProblems as text } from "./strings.ts";
import type { FieldProblem } from "./use-form.ts";

export function missing(field: string, typed: string, message: string): FieldProblem[] {
  return typed.trim() === "" ? [{ field, message }] : [];
}

/** Counts characters as the server does: code points. */
export function tooLong(field: string, typed: string, most: number): FieldProblem[] {
  const isLong = [...typed.trim()].length > most;
  return isLong ? [{ field, message: text.tooLong(formats.number(most)) }] : [];
}
