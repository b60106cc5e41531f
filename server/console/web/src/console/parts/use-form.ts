// Submits a form, once at a time. Shows a field's problem beside it, other errors below.
import { type FormEvent, useState } from "react";

export interface FieldProblem {
  field: string;
  message: string;
}

interface Form {
  busy: boolean;
  /** The error, if the request got no answer; otherwise undefined. */
  trouble: unknown;
  /** The problem of the field with this name in the API. */
  problemOf: (field: string) => string | undefined;
  onSubmit: (event: FormEvent) => void;
}

type Problems = FieldProblem | readonly FieldProblem[] | undefined;

/** send: sends the form; returns the problems of its fields, if there are any. */
export function useForm(send: () => Promise<Problems>): Form {
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(form: Element): Promise<void> {
    setBusy(true);
    setProblems([]);
    setTrouble(undefined);
    try {
      const found = [(await send()) ?? []].flat();
      setProblems(found);
      if (found.length > 0) focusInvalid(form);
    } catch (error) {
      setTrouble(error);
    } finally {
      setBusy(false);
    }
  }

  return {
    busy,
    trouble,
    problemOf: (field) => problems.find((one) => one.field === field)?.message,
    onSubmit: (event) => {
      event.preventDefault();
      void submit(event.currentTarget);
    },
  };
}

/** Focuses the first field with a problem, once it is shown as invalid. */
export function focusInvalid(form: Element): void {
  setTimeout(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}
