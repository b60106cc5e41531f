// The state of editing a token: the draft, the version it started from, and saving.
import { type FormEvent, useState } from "react";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { useSay } from "../../parts/status.tsx";
import { type FieldProblem, focusInvalid } from "../../parts/use-form.ts";
import { nameProblems } from "./name-problems.ts";
import { type Draft, type Saved, saveChanges } from "./save-changes.ts";
import { editToken as text } from "./strings.ts";

interface Edit {
  draft: Draft;
  setDraft: (draft: Draft) => void;
  /** The version that the draft started from; after a conflict, the present version. */
  base: TokenRowFragment;
  /** The result of the last attempt to save. */
  saved: Saved | undefined;
  /** The problem of the field with this name in the API. */
  problemOf: (field: string) => string | undefined;
  /** The error, if saving got no answer; otherwise undefined. */
  trouble: unknown;
  busy: boolean;
  onSubmit: (event: FormEvent) => void;
  onCancel: () => void;
}

export function useEdit(token: TokenRowFragment, onClose: () => void): Edit {
  const [draft, setDraft] = useState<Draft>({ name: token.name, description: token.description });
  const [base, setBase] = useState(token);
  const [saved, setSaved] = useState<Saved>();
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const refresh = useRefresh();
  const say = useSay();

  async function save(form: Element): Promise<void> {
    const found = nameProblems(draft);
    setProblems(found);
    setTrouble(undefined);
    if (found.length > 0) {
      focusInvalid(form);
      return;
    }
    setBusy(true);
    try {
      const outcome = await saveChanges(base, draft, (changed) => {
        setBase(changed);
        setSaved(undefined); // The earlier conflict is outdated.
      });
      setSaved(outcome);
      setBase(outcome.token);
      if (outcome.kind === "invalid") {
        setProblems([outcome]);
        focusInvalid(form);
      }
      if (outcome.kind === "saved") {
        await refresh();
        onClose();
        say(text.saved);
      }
    } catch (error) {
      setTrouble(error);
    } finally {
      setBusy(false);
    }
  }

  return {
    draft,
    setDraft,
    base,
    saved,
    problemOf: (field) => problems.find((one) => one.field === field)?.message,
    trouble,
    busy,
    onSubmit: (event) => {
      event.preventDefault();
      void save(event.currentTarget);
    },
    onCancel: () => {
      if (base !== token) void refresh(); // One change was saved, or it has changed meanwhile.
      onClose();
    },
  };
}
