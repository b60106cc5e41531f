// The dialog that changes one condition of a token. Handles each answer that all changes may get.
import { type ReactNode, useState } from "react";
import type { TokenConditionsFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Problem } from "../../parts/problem.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { shared } from "../../strings.ts";
import { CurrentValues } from "./current-values.tsx";

type Conditions = TokenConditionsFragment;

type Answer =
  | { __typename: "RevisionConflict"; token: Conditions }
  | { __typename: "InvalidInput"; field: string; message: string }
  | { __typename: "NotFound"; message: string }
  | { __typename: `${string}Payload` };

/** A dialog that opens for one token. */
export interface ConditionProps {
  token: Conditions;
  onClose: () => void;
}

interface Form<Draft> {
  /** The version that the next attempt starts from. */
  base: Conditions;
  draft: Draft;
  setDraft: (draft: Draft) => void;
  /** The problem of the field with this name in the API. */
  problemOf: (field: string) => string | undefined;
}

interface Props<Draft> extends ConditionProps {
  title: string;
  /** The consequences, in one sentence. */
  lead: string;
  submit?: string;
  busyLabel?: string;
  /** The message to announce after the change. */
  said: string;
  /** The message if the token, or another object of the change, is gone. */
  gone?: string;
  /** The condition as the form edits it. */
  draftOf: (token: Conditions) => Draft;
  /** The condition in words, which is shown if the token has changed meanwhile. */
  current: { label: string; of: (token: Conditions) => string };
  send: (draft: Draft, of: { tokenId: string; ifRevision: number }) => Promise<Answer>;
  /** The fields; none where the dialog only asks. */
  children?: (form: Form<Draft>) => ReactNode;
}

export function ConditionDialog<Draft>(props: Props<Draft>) {
  const { token, onClose, draftOf, current, children } = props;
  const [draft, setDraft] = useState(() => draftOf(token));
  // After a conflict, the next attempt starts from the present version.
  const [base, setBase] = useState(token);
  const [outcome, setOutcome] = useState<Answer["__typename"]>();
  const refresh = useRefresh();
  const say = useSay();
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const answer = await props.send(draft, { tokenId: base.id, ifRevision: base.revision });
    setOutcome(answer.__typename);
    if ("field" in answer) return answer;
    if ("token" in answer) setBase(answer.token);
    else if (answer.__typename !== "NotFound") {
      await refresh();
      onClose();
      say(props.said);
    }
    return undefined;
  });

  function cancel(): void {
    if (base !== token || outcome === "NotFound") void refresh(); // The page is out of date.
    onClose();
  }

  return (
    <Dialog title={props.title} onDismiss={cancel} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <p>{props.lead}</p>
        {outcome === "RevisionConflict" && (
          <CurrentValues
            values={[{ label: current.label, value: current.of(base) }]}
            onTake={children && (() => setDraft(draftOf(base)))}
          />
        )}
        {outcome === "NotFound" && <Problem>{props.gone ?? shared.tokenGone}</Problem>}
        {children?.({ base, draft, setDraft, problemOf })}
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={props.submit ?? shared.save}
          busyLabel={props.busyLabel ?? shared.saving}
          busy={busy}
          onCancel={cancel}
        />
      </form>
    </Dialog>
  );
}
