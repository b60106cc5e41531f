// The table of webhooks, with a menu for each.
import "./webhooks-table.css";
import { Link } from "wouter";
import type { WebhookRowFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { Menu } from "../../parts/menu.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared, titles } from "../../strings.ts";
import { choicesOf, type WebhookDialog } from "./choices.ts";
import { WebhookState } from "./state.tsx";
import { webhooks as text, webhookState } from "./strings.ts";

const COLUMNS: Columns<WebhookRowFragment> = [
  {
    label: text.address,
    cell: ({ id, url }) => (
      <Link href={paths.webhook(id)} className="webhook-url">
        <Isolated>{url}</Isolated>
      </Link>
    ),
  },
  { label: text.events, cell: ({ events }) => eventsInWords(events), className: "webhook-events" },
  { label: text.state, cell: (webhook) => <WebhookState webhook={webhook} withReason /> },
  {
    label: text.waiting,
    isNumber: true,
    cell: ({ waitingEventCount, droppedEventCount }) => (
      <>
        {formats.number(waitingEventCount)}
        {droppedEventCount > 0 && (
          <span className="hint">
            {webhookState.dropped(formats.count(droppedEventCount, webhookState.eventCount))}
          </span>
        )}
      </>
    ),
  },
  {
    label: text.nextAttempt,
    cell: ({ nextAttemptAt }) =>
      nextAttemptAt === null ? shared.none : <When at={nextAttemptAt} />,
  },
];

/** The types, or how many there are if the cell would be long. */
function eventsInWords(events: readonly string[]): string {
  if (events.includes("*")) return webhookState.allEvents;
  return events.length <= 3 ? events.join(", ") : formats.count(events.length, text.typeCount);
}

interface Props {
  rows: readonly WebhookRowFragment[] | undefined;
  onOpen: (dialog: WebhookDialog, webhook: WebhookRowFragment) => void;
}

export function WebhooksTable({ rows, onOpen }: Props) {
  const { mayChange } = useViewer();
  return (
    <Table
      caption={titles.webhooks}
      columns={COLUMNS}
      rows={rows}
      loadingRows={3}
      keyOf={({ id }) => id}
      menu={{
        label: text.actions,
        of: (webhook) =>
          mayChange && (
            <Menu
              label={text.actionsOf(webhook.url)}
              className="button icon-only"
              choices={choicesOf(webhook, (dialog) => onOpen(dialog, webhook))}
            >
              <Icon name="more" />
            </Menu>
          ),
      }}
    />
  );
}
