// Sends the events since an instant to a webhook once more.
import { useState } from "react";
import {
  ReplayWebhookDocument,
  type WebhookRowFragment,
} from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { refused } from "../../trouble.ts";
import { webhookDialogs as text } from "./strings.ts";

const HOUR_MS = 60 * 60 * 1000;

interface Props {
  webhook: WebhookRowFragment;
  onClose: () => void;
}

export function ReplayWebhook({ webhook, onClose }: Props) {
  const [since, setSince] = useState(() => formats.forInput(new Date(Date.now() - HOUR_MS)));
  const refresh = useRefresh();
  const say = useSay();
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const at = new Date(since);
    if (Number.isNaN(at.getTime())) return { field: "since", message: text.chooseInstant };
    const input = { webhookId: webhook.id, since: at.toISOString() };
    const { replayWebhook } = await request(ReplayWebhookDocument, { input });
    if (replayWebhook.__typename === "InvalidInput") return replayWebhook;
    if (replayWebhook.__typename === "NotFound") throw refused(replayWebhook);
    await refresh();
    onClose();
    say(text.replayed);
    return undefined;
  });
  return (
    <Dialog title={text.replayTitle} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <p className="webhook-url">
          <strong>
            <Isolated>{webhook.url}</Isolated>
          </strong>
        </p>
        <p>{text.replayLead}</p>
        <Field
          label={text.since}
          hint={text.sinceHint(formats.zone())}
          problem={problemOf("since")}
        >
          {(field) => (
            <input
              {...field}
              type="datetime-local"
              required
              data-autofocus
              value={since}
              onChange={(event) => setSince(event.target.value)}
            />
          )}
        </Field>
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.replay}
          busyLabel={text.sending}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
