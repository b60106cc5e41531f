// Sending a form: once at a time, with what is wrong with a field beside it, and all else below.
import { type FormEvent, useState } from "react";

export interface FieldProblem {
  field: string;
  message: string;
}

interface Form {
  busy: boolean;
  /** Why there was no answer; undefined where there was one. */
  trouble: unknown;
  /** What is wrong with a field of this name, as the API calls it. */
  problemOf: (field: string) => string | undefined;
  onSubmit: (event: FormEvent) => void;
}

/** send: sends what was entered; gives what a field has to be mended for, if anything. */
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
