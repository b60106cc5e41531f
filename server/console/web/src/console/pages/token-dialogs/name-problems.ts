// What cannot be a token's name or description.
import { missing, tooLong } from "../../parts/field-problems.ts";
import type { FieldProblem } from "../../parts/use-form.ts";
import { fields as text } from "./strings.ts";

const MAX_NAME = 100;
const MAX_DESCRIPTION = 1000;

interface Named {
  name: string;
  description: string;
}

export function nameProblems({ name, description }: Named): FieldProblem[] {
  return [
    ...missing("name", name, text.missingName),
    ...tooLong("name", name, MAX_NAME),
    ...tooLong("description", description, MAX_DESCRIPTION),
  ];
}
