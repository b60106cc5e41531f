// The error that a failed request throws. `api` raises it, and `parts` show it.

/** A failed request. Its message is a sentence for people; `code` is the server's, for programs. */
export class Trouble extends Error {
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Makes a `Trouble` of a problem that belongs to no form field; its message is shown unchanged. */
export function refused(problem: { message: string }): Trouble {
  return new Trouble(problem.message);
}
