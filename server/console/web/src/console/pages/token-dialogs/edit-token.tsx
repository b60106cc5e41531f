// Edits the name and the description of a token.
import { type FormEvent, useState } from "react";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { type Draft, type Saved, saveChanges } from "./save-changes.ts";
import { editToken as text } from "./strings.ts";

interface Props {
  token: TokenRowFragment;
  onClose: () => void;
}

/** nameOnly: edit the name alone, as from a list's menu, without the description. */
export function EditToken({ token, onClose, nameOnly }: Props & { nameOnly?: boolean }) {
  const [draft, setDraft] = useState<Draft>({ name: token.name, description: token.description });
  /** The state that the draft started from; after a conflict, the other admin's version. */
  const [base, setBase] = useState(token);
  const [saved, setSaved] = useState<Saved>();
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const refresh = useRefresh();
  const say = useSay();

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setTrouble(undefined);
    try {
      const outcome = await saveChanges(base, draft, (token) => {
        setBase(token);
        setSaved(undefined); // The earlier conflict is outdated.
      });
      setSaved(outcome);
      setBase(outcome.token);
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

  function cancel(): void {
    if (base !== token) void refresh(); // One change was saved, or another admin changed the token.
    onClose();
  }

  const problemOf = (field: string) =>
    saved?.kind === "invalid" && saved.field === field ? saved.message : undefined;
  return (
    <Dialog
      title={nameOnly ? text.renameTitle : text.title}
      onDismiss={cancel}
      busy={busy}
      narrow
    >
      <form onSubmit={(event) => void save(event)} aria-busy={busy} noValidate>
        {saved?.kind === "conflict" && (
          <div className="note" role="alert">
            <p>{text.conflict}</p>
            <dl className="theirs">
              <dt>{text.name}</dt>
              <dd>{base.name}</dd>
              {!nameOnly && <dt>{text.description}</dt>}
              {!nameOnly && <dd>{base.description || shared.none}</dd>}
            </dl>
            <button type="button" className="button" onClick={() => setDraft(base)}>
              {text.takeTheirs}
            </button>
          </div>
        )}
        {saved?.kind === "gone" && (
          <p className="problem" role="alert">
            {shared.tokenGone}
          </p>
        )}
        <Field label={text.name} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              value={draft.name}
              required
              autoComplete="off"
              data-autofocus
              onChange={(event) => setDraft({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        {!nameOnly && (
          <Field label={text.description} problem={problemOf("description")}>
            {(field) => (
              <textarea
                {...field}
                rows={4}
                value={draft.description}
                onChange={(event) => setDraft({ ...draft, description: event.target.value })}
              />
            )}
          </Field>
        )}
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={shared.save}
          busyLabel={shared.saving}
          busy={busy}
          onCancel={cancel}
        />
      </form>
    </Dialog>
  );
}
