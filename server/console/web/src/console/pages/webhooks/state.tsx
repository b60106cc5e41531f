// The state of a webhook as a tag, and why it is paused or failing.
import "./webhooks-table.css";
import type { WebhookRowFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Tag } from "../../parts/tag.tsx";
import { webhookState as text } from "./strings.ts";

interface Props {
  webhook: WebhookRowFragment;
  withReason?: boolean;
}

export function WebhookState({ webhook, withReason = false }: Props) {
  const { pauseReason, failedAttemptCount, state } = webhook;
  if (state === "PAUSED") {
    return (
      <span className="webhook-state">
        <Tag tone={pauseReason === "BY_ADMIN" ? "notice" : "danger"}>{text.paused}</Tag>
        {withReason && pauseReason && <span className="hint">{text.reason[pauseReason]}</span>}
      </span>
    );
  }
  const isFailing = failedAttemptCount > 0;
  return (
    <span className="webhook-state">
      <Tag tone={isFailing ? "notice" : "good"}>{isFailing ? text.failing : text.active}</Tag>
      {isFailing && (
        <span className="hint">{text.failed(formats.count(failedAttemptCount, text.attempts))}</span>
      )}
    </span>
  );
}
