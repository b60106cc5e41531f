// The attempts to deliver events to a webhook that are kept, the latest first.
import { useInfiniteQuery } from "@tanstack/react-query";
import type { DeliveryRowFragment } from "../../../../generated/operations.ts";
import { deliveriesQuery } from "../../api/webhooks.ts";
import { formats } from "../../formats.ts";
import { LoadMore } from "../../parts/load-more.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { Tag } from "../../parts/tag.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { Logged } from "../../parts/when.tsx";
import { shared } from "../../strings.ts";
import { useRefetching } from "./refetching.ts";
import { webhookDetails as text, webhooks } from "./strings.ts";

const COLUMNS: Columns<DeliveryRowFragment> = [
  {
    label: text.event,
    cell: ({ eventType, eventId }) => (
      <>
        {eventType}
        <span className="hint webhook-url">{eventId}</span>
      </>
    ),
  },
  {
    label: text.outcome,
    cell: ({ outcome }) => (
      <span className="webhook-state">
        <Tag tone={outcome === "DELIVERED" ? "good" : "danger"}>{text.outcomes[outcome]}</Tag>
      </span>
    ),
  },
  { label: text.response, isNumber: true, cell: ({ status }) => status ?? shared.none },
  { label: text.attempt, isNumber: true, cell: ({ attempt }) => formats.number(attempt) },
  {
    label: text.duration,
    isNumber: true,
    cell: ({ milliseconds }) => text.milliseconds(formats.number(milliseconds)),
  },
  { label: text.attemptedAt, cell: ({ attemptedAt }) => <Logged at={attemptedAt} /> },
];

export function Deliveries({ webhookId }: { webhookId: string }) {
  const refetchInterval = useRefetching();
  const query = useInfiniteQuery({ ...deliveriesQuery(webhookId), refetchInterval });
  return (
    <section aria-label={webhooks.deliveries}>
      <div className="section-head">
        <h2>{webhooks.deliveries}</h2>
      </div>
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.length === 0 ? (
        <p className="quiet">{text.none}</p>
      ) : (
        <Table
          caption={webhooks.deliveries}
          columns={COLUMNS}
          rows={query.data}
          loadingRows={5}
          keyOf={({ id }) => id}
        />
      )}
      <LoadMore query={query} />
    </section>
  );
}
