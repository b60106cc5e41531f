// Changes the signed-in admin's password, which ends all their sessions, this one too.
import { type FormEvent, useState } from "react";
import { explainFailure, goToSignIn, type Failure, setPassword } from "../../session.ts";
import { password, session } from "../../strings.ts";
import { signedInAgain } from "../api/request.ts";
import { Dialog, FormActions } from "../parts/dialog.tsx";
import { Field, PasswordInput } from "../parts/field.tsx";
import { shared } from "../strings.ts";
import { changePassword as text } from "./strings.ts";

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
      const failed = await change();
      if (failed === undefined) {
        onClose(); // A user who stays for unsaved changes is asked to sign in by the next request.
        goToSignIn();
        return;
      }
      setFailure(failed);
    } catch {
      setFailure({ message: session.offline });
    }
    setBusy(false);
  }

  /** Undefined on success, otherwise the reason. */
  async function change(): Promise<Failure | undefined> {
    const response = await setPassword({ currentPassword, newPassword });
    if (response.ok) return undefined;
    const failed = await explainFailure(response);
    if (failed.code !== "UNAUTHENTICATED") return failed;
    await signedInAgain();
    return change();
  }

  const isAboutNew = failure?.field === "newPassword";
  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
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
          hint={password.hint}
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
        <FormActions
          submit={text.change}
          busyLabel={shared.saving}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
