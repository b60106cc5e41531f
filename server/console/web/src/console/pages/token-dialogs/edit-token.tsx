// The dialog that edits the name and the description of a token.
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { Problem } from "../../parts/problem.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { CurrentValues } from "./current-values.tsx";
import { editToken as text } from "./strings.ts";
import { useEdit } from "./use-edit.ts";

interface Props {
  token: TokenRowFragment;
  onClose: () => void;
  /** Edits the name alone, as from a list's menu. */
  nameOnly?: boolean;
}

export function EditToken({ token, onClose, nameOnly = false }: Props) {
  const { draft, setDraft, base, saved, ...edit } = useEdit(token, onClose);
  const { problemOf, trouble, busy, onSubmit, onCancel } = edit;
  const current = [
    { label: text.name, value: base.name },
    ...(nameOnly ? [] : [{ label: text.description, value: base.description }]),
  ];
  return (
    <Dialog
      title={nameOnly ? text.renameTitle : text.title}
      onDismiss={onCancel}
      busy={busy}
      narrow
    >
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        {saved?.kind === "conflict" && (
          <CurrentValues values={current} onTake={() => setDraft(base)} />
        )}
        {saved?.kind === "gone" && <Problem>{shared.tokenGone}</Problem>}
        <Field label={text.name} hint={text.nameHint} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              dir="auto"
              value={draft.name}
              required
              autoComplete="off"
              data-autofocus
              onChange={(event) => setDraft({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        {!nameOnly && (
          <Field
            label={text.description}
            hint={text.descriptionHint}
            problem={problemOf("description")}
          >
            {(field) => (
              <textarea
                {...field}
                rows={4}
                dir="auto"
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
          onCancel={onCancel}
        />
      </form>
    </Dialog>
  );
}
