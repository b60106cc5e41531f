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

/** send: sends the form; returns the problem of a field, if there is one. */
export function useForm(send: () => Promise<FieldProblem | undefined>): Form {
  const [problem, setProblem] = useState<FieldProblem>();
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    setTrouble(undefined);
    try {
      setProblem(await send());
    } catch (error) {
      setTrouble(error);
    } finally {
      setBusy(false);
    }
  }

  return {
    busy,
    trouble,
    problemOf: (field) => (problem?.field === field ? problem.message : undefined),
    onSubmit: (event) => {
      event.preventDefault();
      void submit();
    },
  };
}
