// Another password for whoever is signed in. It ends all their sessions, this one too.
import { type FormEvent, useState } from "react";
import { explainFailure, goToSignIn, type Failure, setPassword } from "../../session.ts";
import { strings } from "../../strings.ts";
import { Dialog, DialogActions } from "../parts/dialog.tsx";
import { Field, PasswordInput } from "../parts/field.tsx";

const text = strings.console.changePassword;

export function ChangePassword({ onClose }: { onClose: () => void }) {
  const [currentPassword, setCurrent] = useState("");
  const [newPassword, setNew] = useState("");
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      const response = await setPassword({ currentPassword, newPassword });
      if (response.ok) {
        goToSignIn();
        return;
      }
      setFailure(await explainFailure(response));
    } catch {
      setFailure({ message: strings.signIn.offline });
    }
    setBusy(false);
  }

  const isAboutNew = failure?.field === "newPassword";
  return (
    <Dialog title={text.title} onDismiss={onClose} narrow>
      <form onSubmit={(event) => void submit(event)} aria-busy={busy}>
        <p>{text.lead}</p>
        <Field label={text.current} problem={isAboutNew ? undefined : failure?.message}>
          {(field) => (
            <PasswordInput
              {...field}
              value={currentPassword}
              autoComplete="current-password"
              required
              data-autofocus
              onChange={setCurrent}
            />
          )}
        </Field>
        <Field
          label={text.next}
          hint={strings.passwordHint}
          problem={isAboutNew ? failure.message : undefined}
        >
          {(field) => (
            <PasswordInput
              {...field}
              value={newPassword}
              autoComplete="new-password"
              required
              onChange={setNew}
            />
          )}
        </Field>
        <DialogActions>
          <button type="button" className="button" onClick={onClose}>
            {strings.console.cancel}
          </button>
          <button type="submit" className="button primary" disabled={busy}>
            {busy ? strings.console.saving : text.change}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
