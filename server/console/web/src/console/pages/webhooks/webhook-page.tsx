// One webhook: its state, what can be done with it, and the attempts to deliver events.
import "./webhooks-table.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { WebhookRowFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { webhooksQuery } from "../../api/webhooks.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { Loading, Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { shared } from "../../strings.ts";
import { Detail } from "../token/details.tsx";
import { BackToWebhooks } from "./back-to-webhooks.tsx";
import { choicesOf, type WebhookDialog } from "./choices.ts";
import { Deliveries } from "./deliveries.tsx";
import { useRefetching } from "./refetching.ts";
import { WebhookState } from "./state.tsx";
import { webhookDetails as text, webhookState, webhooks } from "./strings.ts";
import { WebhookDialogs } from "./webhook-dialogs.tsx";

export function WebhookPage({ id }: { id: string }) {
  const refetchInterval = useRefetching();
  const { data, error, isPending, refetch } = useQuery({ ...webhooksQuery, refetchInterval });
  const webhook = data?.find((one) => one.id === id);
  if (isPending) return <Loading />;
  if (webhook === undefined) {
    return (
      <Page title={error === null ? webhooks.noSuch : webhooks.title} above={<BackToWebhooks />}>
        {error === null ? (
          <p>{webhooks.noSuchLead}</p>
        ) : (
          <TroubleNote error={error} onRetry={() => void refetch()} />
        )}
      </Page>
    );
  }
  return (
    <Page title={webhooks.title} lead={webhook.url} above={<BackToWebhooks />}>
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      {webhook.pauseReason && (
        <Note>
          <p>{text.paused(webhookState.reason[webhook.pauseReason])}</p>
        </Note>
      )}
      <Details webhook={webhook} />
      <Changes webhook={webhook} />
      <Deliveries webhookId={id} />
    </Page>
  );
}

function Details({ webhook }: { webhook: WebhookRowFragment }) {
  const { nextAttemptAt, pausedAt, droppedEventCount } = webhook;
  return (
    <dl className="details">
      <Detail label={webhooks.state}>
        <WebhookState webhook={webhook} />
      </Detail>
      <Detail label={webhooks.events}>
        <span className="webhook-events">{webhook.events.join(", ")}</span>
      </Detail>
      <Detail label={webhooks.waiting}>
        {formats.number(webhook.waitingEventCount)}
        {droppedEventCount > 0 && (
          <span className="hint">
            {webhookState.dropped(formats.count(droppedEventCount, webhookState.eventCount))}
          </span>
        )}
      </Detail>
      <Detail label={webhooks.nextAttempt}>
        {nextAttemptAt === null ? shared.none : <When at={nextAttemptAt} />}
      </Detail>
      {pausedAt && (
        <Detail label={text.pausedSince}>
          <When at={pausedAt} />
        </Detail>
      )}
      <Detail label={text.created}>
        <When at={webhook.createdAt} />
      </Detail>
      <Detail label={text.createdBy}>{webhook.createdBy?.name ?? shared.formerAdmin}</Detail>
    </dl>
  );
}

function Changes({ webhook }: { webhook: WebhookRowFragment }) {
  const { mayChange } = useViewer();
  const [dialog, setDialog] = useState<WebhookDialog>();
  if (!mayChange) return null;
  return (
    <div className="webhook-changes">
      {choicesOf(webhook, setDialog).map(({ label, danger, onChoose }) => (
        <button
          key={label}
          type="button"
          className={danger ? "button danger quiet-danger" : "button"}
          onClick={onChoose}
        >
          {label}
        </button>
      ))}
      {dialog && (
        <WebhookDialogs open={{ dialog, webhook }} onClose={() => setDialog(undefined)} />
      )}
    </div>
  );
}
