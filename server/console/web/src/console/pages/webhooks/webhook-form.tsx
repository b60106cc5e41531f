// The form of a webhook's address and events.
import { useState } from "react";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { tooLong } from "../../parts/field-problems.ts";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { EventChoice } from "./event-choice.tsx";
import { webhookForm as text } from "./strings.ts";

const MAX_URL = 2000;
/** The server knows where http:// is allowed. */
const LIKE_A_URL = /^https?:\/\/./i;

export interface Draft {
  url: string;
  events: string[];
}

interface Props {
  title: string;
  submit: string;
  busyLabel: string;
  draft: Draft;
  /** Returns the problem of a field, if there is one. */
  send: (draft: Draft) => Promise<FieldProblem | undefined>;
  onClose: () => void;
}

export function WebhookForm({ title, submit, busyLabel, draft, send, onClose }: Props) {
  const [url, setUrl] = useState(draft.url);
  const [events, setEvents] = useState<ReadonlySet<string>>(new Set(draft.events));
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const problems = problemsOf(url, events);
    return problems.length > 0 ? problems : send({ url, events: [...events] });
  });
  return (
    <Dialog title={title} onDismiss={onClose} busy={busy}>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={text.address} hint={text.addressHint} problem={problemOf("url")}>
          {(field) => (
            <input
              {...field}
              type="url"
              inputMode="url"
              autoComplete="off"
              spellCheck={false}
              required
              data-autofocus
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <EventChoice events={events} problem={problemOf("events")} onChange={setEvents} />
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions submit={submit} busyLabel={busyLabel} busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

/** What the server would refuse one after the other. */
function problemsOf(url: string, events: ReadonlySet<string>): FieldProblem[] {
  return [
    ...(LIKE_A_URL.test(url.trim()) ? [] : [{ field: "url", message: text.noAddress }]),
    ...tooLong("url", url, MAX_URL),
    ...(events.size === 0 ? [{ field: "events", message: text.missingEvents }] : []),
  ];
}
