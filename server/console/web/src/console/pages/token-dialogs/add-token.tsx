// Adding a token: asks for its name, shows its secret, then offers to choose its permissions.
import { useState } from "react";
import { useLocation } from "wouter";
import {
  CreateTokenDocument,
  type CreateTokenMutation,
  RevokeTokenDocument,
} from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { Dialog, DialogActions, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { SecretDialog } from "../../parts/secret.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { paths } from "../../paths.ts";
import { addToken as text } from "./strings.ts";


interface Made {
  id: string;
  name: string;
}
/** The secret is in the second step's state, in this component, and nowhere else. */
type Step =
  | { name: "details" }
  | { name: "secret"; token: Made; secret: string }
  | { name: "choice"; token: Made }
  | { name: "lost"; token: Made };
type Result = CreateTokenMutation["createToken"];

export function AddToken({ onClose }: { onClose: () => void }) {
  const [step, setStep] = useState<Step>({ name: "details" });
  const [draft, setDraft] = useState({ name: "", description: "" });
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  switch (step.name) {
    case "details":
      return <Details draft={draft} onDraft={setDraft} onStep={setStep} onClose={onClose} />;
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
      return (
        <Dialog title={text.choiceTitle} onDismiss={() => void close()} narrow>
          <p>{text.choiceLead(step.token.name)}</p>
          <DialogActions>
            <button
              type="button"
              className="button"
              onClick={() => void close().then(() => say(text.added(step.token.name)))}
            >
              {text.skip}
            </button>
            <button
              type="button"
              className="button primary"
              data-autofocus
              onClick={() => {
                void refresh(); // The first token gives the organisation its API URL.
                go(paths.editPermissions(step.token.id));
              }}
            >
              {text.configure}
            </button>
          </DialogActions>
        </Dialog>
      );
    case "lost":
      return <Lost token={step.token} onAgain={() => setStep({ name: "details" })} onClose={close} />;
  }
}

interface DetailsProps {
  draft: { name: string; description: string };
  onDraft: (draft: { name: string; description: string }) => void;
  onStep: (step: Step) => void;
  onClose: () => void;
}

function Details({ draft, onDraft, onStep, onClose }: DetailsProps) {
  // The key prevents a second token when retrying after a broken connection.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const input = { ...draft, idempotencyKey };
    return follow((await request(CreateTokenDocument, { input })).createToken);
  });

  function follow(result: Result): FieldProblem | undefined {
    if (result.__typename === "InvalidInput") return result;
    if (result.__typename === "CreateTokenPayload") {
      onStep({ name: "secret", token: result.token, secret: result.secret });
    } else {
      onStep({ name: "lost", token: result.token });
    }
    return undefined;
  }

  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={text.name} hint={text.nameHint} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              value={draft.name}
              required
              autoComplete="off"
              data-autofocus
              onChange={(event) => onDraft({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        <Field label={text.description} hint={text.optional} problem={problemOf("description")}>
          {(field) => (
            <textarea
              {...field}
              rows={3}
              value={draft.description}
              onChange={(event) => onDraft({ ...draft, description: event.target.value })}
            />
          )}
        </Field>
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.create}
          busyLabel={text.creating}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

interface LostProps {
  token: Made;
  onAgain: () => void;
  onClose: () => Promise<void>;
}

/** The token was created, but the answer with its secret was lost. */
function Lost({ token, onAgain, onClose }: LostProps) {
  const [trouble, setTrouble] = useState<unknown>();

  async function startAgain(): Promise<void> {
    try {
      await request(RevokeTokenDocument, { input: { tokenId: token.id } });
      onAgain();
    } catch (error) {
      setTrouble(error);
    }
  }

  return (
    <Dialog title={text.lostTitle} onDismiss={() => void onClose()} narrow>
      <p>{text.lostLead(token.name)}</p>
      {trouble !== undefined && <TroubleNote error={trouble} />}
      <DialogActions>
        <button type="button" className="button" onClick={() => void onClose()}>
          {text.keepLost}
        </button>
        <button
          type="button"
          className="button primary"
          data-autofocus
          onClick={() => void startAgain()}
        >
          {text.startAgain}
        </button>
      </DialogActions>
    </Dialog>
  );
}
