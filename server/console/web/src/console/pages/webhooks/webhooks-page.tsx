// The tenant's webhooks: list, create, and what can be done with each.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useViewer } from "../../api/viewer.ts";
import { webhooksQuery } from "../../api/webhooks.ts";
import { Empty } from "../../parts/empty.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { CreateWebhook } from "./create-webhook.tsx";
import { webhooks as text } from "./strings.ts";
import { type OpenedDialog, WebhookDialogs } from "./webhook-dialogs.tsx";
import { WebhooksTable } from "./webhooks-table.tsx";

export function WebhooksPage() {
  const { mayChange } = useViewer();
  const query = useQuery(webhooksQuery);
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<OpenedDialog>();
  const create = mayChange && (
    <button type="button" className="button primary" onClick={() => setCreating(true)}>
      <Icon name="add" />
      {text.create}
    </button>
  );
  const isEmpty = query.data?.length === 0;
  return (
    <Page title={titles.webhooks} lead={text.lead} actions={create}>
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {isEmpty ? (
        <Empty>
          <p>{mayChange ? text.none : text.noneToSee}</p>
        </Empty>
      ) : (
        <WebhooksTable
          rows={query.data}
          onOpen={(dialog, webhook) => setOpen({ dialog, webhook })}
        />
      )}
      {creating && <CreateWebhook onClose={() => setCreating(false)} />}
      {open && <WebhookDialogs open={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
