// Dialogs for one token: rename, change the description, revoke.
import { type FormEvent, useState } from "react";
import {
  DescribeTokenDocument,
  RenameTokenDocument,
  RevokeTokenDocument,
  type TokenRowFragment,
} from "../../../../generated/operations.ts";
import { strings } from "../../../strings.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { ConfirmChange } from "../confirm-change.tsx";

interface Props {
  token: TokenRowFragment;
  onClose: () => void;
}

interface Draft {
  name: string;
  description: string;
}

/** The result of saving; the next attempt starts from `token`. */
type Saved = { token: TokenRowFragment } & (
  | { kind: "saved" | "conflict" | "gone" }
  | { kind: "invalid"; field: string; message: string }
);

/** nameOnly: edit the name alone, as from a list's menu, without the description. */
export function EditToken({ token, onClose, nameOnly }: Props & { nameOnly?: boolean }) {
  const text = strings.console.editToken;
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
              {!nameOnly && <dd>{base.description || strings.console.none}</dd>}
            </dl>
            <button type="button" className="button" onClick={() => setDraft(base)}>
              {text.takeTheirs}
            </button>
          </div>
        )}
        {saved?.kind === "gone" && (
          <p className="problem" role="alert">
            {strings.console.tokenGone}
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
          submit={strings.console.save}
          busyLabel={strings.console.saving}
          busy={busy}
          onCancel={cancel}
        />
      </form>
    </Dialog>
  );
}

/**
 * Sends each change as its own request. The second continues from the revision of the first, and so
 * does the next attempt if the second fails: `onToken` receives the token after each change.
 */
async function saveChanges(
  base: TokenRowFragment,
  draft: Draft,
  onToken: (token: TokenRowFragment) => void,
): Promise<Saved> {
  let token = base;
  const of = () => ({ tokenId: token.id, ifRevision: token.revision });
  if (draft.name !== token.name) {
    const { renameToken } = await request(RenameTokenDocument, {
      input: { ...of(), name: draft.name },
    });
    const outcome = outcomeOf(token, renameToken);
    if (outcome.kind !== "saved") return outcome;
    token = outcome.token;
    onToken(token);
  }
  if (draft.description !== token.description) {
    const { describeToken } = await request(DescribeTokenDocument, {
      input: { ...of(), description: draft.description },
    });
    return outcomeOf(token, describeToken);
  }
  return { kind: "saved", token };
}

type Answer =
  | { __typename: "RenameTokenPayload" | "DescribeTokenPayload"; token: TokenRowFragment }
  | { __typename: "RevisionConflict"; token: TokenRowFragment }
  | { __typename: "InvalidInput"; field: string; message: string }
  | { __typename: "NotFound"; message: string };

function outcomeOf(before: TokenRowFragment, answer: Answer): Saved {
  switch (answer.__typename) {
    case "RevisionConflict":
      return { kind: "conflict", token: answer.token };
    case "InvalidInput":
      return { ...answer, kind: "invalid", token: before };
    case "NotFound":
      return { kind: "gone", token: before };
    default:
      return { kind: "saved", token: answer.token };
  }
}

export function RevokeToken({ token, onClose }: Props) {
  const text = strings.console.revoke;

  async function revoke(): Promise<string> {
    // NotFound: another admin has revoked it already, as requested.
    await request(RevokeTokenDocument, { input: { tokenId: token.id } });
    return text.revoked(token.name);
  }

  return (
    <ConfirmChange
      title={text.title(token.name)}
      confirm={text.confirm}
      busyLabel={text.revoking}
      danger
      onConfirm={revoke}
      onClose={onClose}
    >
      <p>{text.lead}</p>
      <ul className="consequences">
        <li>{text.stops(formats.count(token.permissionCount, text.endpoints))}</li>
        <li>
          {token.lastUsedAt
            ? text.lastUsed(formats.instant(token.lastUsedAt), token.lastUsedFrom ?? text.unknown)
            : text.neverUsed}
        </li>
      </ul>
    </ConfirmChange>
  );
}
