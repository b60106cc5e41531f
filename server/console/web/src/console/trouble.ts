// The error that a failed request throws. `api` raises it, and `parts` show it.

/** A failed request. Its message is a sentence for people. */
export class Trouble extends Error {}

/** Makes a `Trouble` of a problem that belongs to no form field; its message is shown unchanged. */
export function refused(problem: { message: string }): Trouble {
  return new Trouble(problem.message);
}
