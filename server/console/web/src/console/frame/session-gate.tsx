// Shows a sign-in dialog over the unchanged page when the session ends.
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { currentAddress, explainFailure, type Failure, goToSignIn, openSession } from "../../session.ts";
import { password as passwordText, session } from "../../strings.ts";
import { onSessionExpired } from "../api/request.ts";
import { useViewer } from "../api/viewer.ts";
import { BusyButton } from "../parts/busy-button.tsx";
import { useCountdown } from "../parts/countdown.ts";
import { Dialog, DialogActions } from "../parts/dialog.tsx";
import { Field, PasswordInput } from "../parts/field.tsx";
import { Isolated } from "../parts/isolated.tsx";
import { leaveBy } from "../parts/leave-guard.tsx";
import { expired as text } from "./strings.ts";

export function SessionGate({ children }: { children: ReactNode }) {
  const [signedIn, setSignedIn] = useState<() => void>();
  useEffect(() => {
    onSessionExpired(() => new Promise((resolve) => setSignedIn(() => resolve)));
  }, []);
  return (
    <>
      {children}
      {signedIn !== undefined && (
        <SignInAgain
          onDone={() => {
            setSignedIn(undefined);
            signedIn();
          }}
        />
      )}
    </>
  );
}

function SignInAgain({ onDone }: { onDone: () => void }) {
  const { admin, tenant } = useViewer();
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [wait, beginWait] = useCountdown();
  const input = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    const failure = await signIn(tenant.slug, admin.email, password);
    setBusy(false);
    if (failure === undefined) {
      onDone();
      return;
    }
    setProblem(failure.message);
    beginWait(failure.waitSeconds ?? 0);
    input.current?.select();
  }

  function changeAccount(): boolean {
    goToSignIn(currentAddress());
    return true;
  }

  return (
    <Dialog title={text.title} onDismiss={() => input.current?.focus()} isForced narrow>
      <form onSubmit={(event) => void submit(event)} aria-busy={busy}>
        <p>{text.lead}</p>
        <p className="quiet">
          <Isolated>{admin.email}</Isolated> · <Isolated>{tenant.name}</Isolated>
        </p>
        {/* Tells a password manager which account to fill in. */}
        <input type="hidden" autoComplete="username" value={admin.email} />
        <Field label={passwordText.label} problem={problem}>
          {(field) => (
            <PasswordInput
              {...field}
              ref={input}
              value={password}
              autoComplete="current-password"
              autoFocus
              required
              onChange={setPassword}
            />
          )}
        </Field>
        <DialogActions>
          <button type="button" className="button" onClick={() => leaveBy(changeAccount)}>
            {text.anotherAccount}
          </button>
          <BusyButton type="submit" className="button primary" busy={busy || wait > 0}>
            {wait > 0
              ? session.wait(wait)
              : busy
                ? session.signingIn
                : session.signIn}
          </BusyButton>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** Undefined on success, otherwise the reason. */
async function signIn(
  tenant: string,
  email: string,
  password: string,
): Promise<Failure | undefined> {
  try {
    const response = await openSession({ tenant, email, password });
    return response.status === 201 ? undefined : await explainFailure(response);
  } catch {
    return { message: session.offline };
  }
}
