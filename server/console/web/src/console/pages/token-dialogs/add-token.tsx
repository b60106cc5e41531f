// Adding a token: asks for its name, shows its secret, then offers to choose its permissions.
import { useState } from "react";
import { useLocation } from "wouter";
import { useRefresh } from "../../api/queries.ts";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { SecretDialog } from "../../parts/secret.tsx";
import { useSay } from "../../parts/status.tsx";
import { paths } from "../../paths.ts";
import { LostSecret } from "./lost-secret.tsx";
import { EMPTY, type NewToken } from "./new-token.ts";
import { addToken as text } from "./strings.ts";
import { type Created, TokenForm } from "./token-form.tsx";

interface CreatedToken {
  id: string;
  name: string;
}
/** The secret is in the second step's state, in this component, and nowhere else. */
type Step =
  | { name: "details" }
  | { name: "secret"; token: CreatedToken; secret: string }
  | { name: "choice"; token: CreatedToken }
  | { name: "lost"; token: CreatedToken };

export function AddToken({ onClose }: { onClose: () => void }) {
  const [step, setStep] = useState<Step>({ name: "details" });
  const [draft, setDraft] = useState<NewToken>(EMPTY);
  const refresh = useRefresh();

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  switch (step.name) {
    case "details":
      return (
        <TokenForm
          draft={draft}
          onDraft={setDraft}
          onCreated={(created) => setStep(stepAfter(created))}
          onClose={onClose}
        />
      );
    case "secret":
      return (
        <SecretDialog
          title={text.secretTitle}
          lead={text.secretLead(step.token.name)}
          label={text.secretLabel}
          copyLabel={text.copy}
          secret={step.secret}
          next={text.next}
          onNext={() => setStep({ name: "choice", token: step.token })}
          onClose={() => void close()}
        />
      );
    case "choice":
      return <PermissionsQuestion token={step.token} onClose={close} />;
    case "lost":
      return (
        <LostSecret
          token={step.token}
          onAgain={() => setStep({ name: "details" })}
          onClose={close}
        />
      );
  }
}

function stepAfter(created: Created): Step {
  return created.__typename === "CreateTokenPayload"
    ? { name: "secret", token: created.token, secret: created.secret }
    : { name: "lost", token: created.token };
}

interface QuestionProps {
  token: CreatedToken;
  onClose: () => Promise<void>;
}

function PermissionsQuestion({ token, onClose }: QuestionProps) {
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();

  async function skip(): Promise<void> {
    await onClose();
    say(text.added(token.name));
  }

  function configure(): void {
    void refresh(); // The first token gives the organisation its API URL.
    go(paths.editPermissions(token.id));
  }

  return (
    <Dialog title={text.choiceTitle} onDismiss={() => void onClose()} narrow>
      <p>{text.choiceLead(token.name)}</p>
      <DialogActions>
        <button type="button" className="button" onClick={() => void skip()}>
          {text.skip}
        </button>
        <button type="button" className="button primary" data-autofocus onClick={configure}>
          {text.configure}
        </button>
      </DialogActions>
    </Dialog>
  );
}
