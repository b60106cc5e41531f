// Changes the signed-in admin's password, which ends all their sessions, this one too.
import { type FormEvent, useState } from "react";
import { explainFailure, goToSignIn, type Failure, setPassword } from "../../session.ts";
import { password, session } from "../../strings.ts";
import { signedInAgain } from "../api/request.ts";
import { Dialog, FormActions } from "../parts/dialog.tsx";
import { Field, PasswordInput } from "../parts/field.tsx";
import { focusInvalid } from "../parts/use-form.ts";
import { shared } from "../strings.ts";
import { changePassword as text } from "./strings.ts";

export function ChangePassword({ onClose }: { onClose: () => void }) {
  const [currentPassword, setCurrent] = useState("");
  const [newPassword, setNew] = useState("");
  const [failures, setFailures] = useState<readonly Failure[]>([]);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const found = failuresOf(currentPassword, newPassword);
    setFailures(found);
    if (found.length > 0) {
      focusInvalid(form);
      return;
    }
    setBusy(true);
    try {
      const failed = await change();
      if (failed === undefined) {
        onClose(); // A user who stays for unsaved changes is asked to sign in by the next request.
        goToSignIn();
        return;
      }
      setFailures([failed]);
      focusInvalid(form);
    } catch {
      setFailures([{ message: session.offline }]);
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

  const aboutNew = failures.find(isAboutNew)?.message;
  const other = failures.find((failure) => !isAboutNew(failure))?.message;
  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={(event) => void submit(event)} aria-busy={busy} noValidate>
        <p>{text.lead}</p>
        <Field label={text.current} problem={other}>
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
          problem={aboutNew}
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

const MIN_LENGTH = 15;

function isAboutNew({ field }: Failure): boolean {
  return field === "newPassword";
}

/** What the server would refuse one after the other. */
function failuresOf(currentPassword: string, newPassword: string): Failure[] {
  const isShort = [...newPassword].length < MIN_LENGTH;
  return [
    ...(currentPassword === "" ? [{ message: text.missingCurrent }] : []),
    ...(isShort ? [{ field: "newPassword", message: password.tooShort }] : []),
  ];
}
