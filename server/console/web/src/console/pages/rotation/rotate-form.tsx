// The first step of rotating a secret: how long the old one lives on, or that others know it.
import { useState } from "react";
import {
  RotateTokenDocument,
  type RotateTokenMutation,
  type RotationUnderWayFragment,
  type TokenRotationFragment,
} from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Note } from "../../parts/note.tsx";
import { Problem } from "../../parts/problem.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { shared } from "../../strings.ts";
import { LifetimeField } from "./lifetime-field.tsx";
import { type Lifetime, rotate as text, rotation as words } from "./strings.ts";

interface Choice {
  lifetime: Lifetime;
  compromised: boolean;
}

export interface Rotated extends Choice {
  secret: string;
}

type Refusal = Exclude<
  RotateTokenMutation["rotateToken"],
  { __typename: "RotateTokenPayload" | "InvalidInput" }
>;

interface Props {
  token: TokenRotationFragment;
  onRotated: (rotated: Rotated) => void;
  onClose: () => void;
}

export function RotateForm({ token, onRotated, onClose }: Props) {
  const [choice, setChoice] = useState<Choice>({ lifetime: 600, compromised: false });
  const [idempotencyKey, setIdempotencyKey] = useState(() => crypto.randomUUID());
  // After a conflict, the next attempt starts from the version that the dialog shows.
  const [base, setBase] = useState(token);
  const [refusal, setRefusal] = useState<Refusal>();
  const refresh = useRefresh();
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    setRefusal(undefined);
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const { rotateToken } = await request(RotateTokenDocument, {
      input: {
        tokenId: base.id,
        ifRevision: base.revision,
        drainSeconds: choice.lifetime,
        compromised: choice.compromised,
        // Only a rotation that the dialog has told of.
        replace: base.rotation?.state === "PENDING",
        idempotencyKey,
      },
    });
    if (rotateToken.__typename === "InvalidInput") return rotateToken;
    if (rotateToken.__typename === "RotateTokenPayload") {
      onRotated({ ...choice, secret: rotateToken.secret });
      return undefined;
    }
    setRefusal(rotateToken);
    if ("token" in rotateToken) setBase(rotateToken.token);
    return undefined;
  });

  function choose(changed: Partial<Choice>): void {
    setChoice({ ...choice, ...changed });
    // A repeated request is carried out as the first one was; another choice is another request.
    setIdempotencyKey(crypto.randomUUID());
  }

  function cancel(): void {
    // The page may be out of date, or a request may have been carried out without an answer.
    if (refusal !== undefined || trouble !== undefined) void refresh();
    onClose();
  }

  return (
    <Dialog title={text.title(token.name)} onDismiss={cancel} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <p>{text.lead}</p>
        <Present token={base} isChanged={refusal?.__typename === "RevisionConflict"} />
        <LifetimeField
          lifetime={choice.lifetime}
          disabled={choice.compromised}
          problem={problemOf("drainSeconds")}
          onChange={(lifetime) => choose({ lifetime })}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={choice.compromised}
            onChange={(event) => choose({ compromised: event.target.checked })}
          />
          <span>
            {text.compromised}
            <span className="hint">{text.compromisedHint}</span>
          </span>
        </label>
        {refusal && <Refused refusal={refusal} />}
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.confirm}
          busyLabel={text.rotating}
          busy={busy}
          onCancel={cancel}
        />
      </form>
    </Dialog>
  );
}

interface PresentProps {
  token: TokenRotationFragment;
  /** Another admin, or the first use of a new secret, has changed it since the dialog opened. */
  isChanged: boolean;
}

/** The consequence of another rotation while one is under way. */
function Present({ token: { rotation }, isChanged }: PresentProps) {
  if (isChanged) {
    return (
      <Note alert>
        <p>
          {text.changed} {rotation === null ? words.none : consequence(rotation)}
        </p>
      </Note>
    );
  }
  return (
    rotation && (
      <Note>
        <p>{consequence(rotation)}</p>
      </Note>
    )
  );
}

function consequence(rotation: RotationUnderWayFragment): string {
  const { state, newHint, oldHint, oldSecretEndsAt } = rotation;
  return state === "PENDING" || oldSecretEndsAt === null
    ? text.pending(newHint, oldHint)
    : text.draining(formats.instant(oldSecretEndsAt));
}

function Refused({ refusal }: { refusal: Refusal }) {
  switch (refusal.__typename) {
    case "RevisionConflict":
      return null; // Told above.
    case "NotFound":
      return <Problem>{shared.tokenGone}</Problem>;
    default:
      return <Problem>{refusal.message}</Problem>;
  }
}
