// Dialogs for one webhook: edit, pause, resume, test, send events again, remove.
import {
  RemoveWebhookDocument,
  SetWebhookDocument,
  TestWebhookDocument,
  type WebhookRowFragment,
} from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { useSay } from "../../parts/status.tsx";
import type { FieldProblem } from "../../parts/use-form.ts";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import type { WebhookDialog } from "./choices.ts";
import { ReplayWebhook } from "./replay-webhook.tsx";
import { webhookDialogs as text, webhookForm } from "./strings.ts";
import { type Draft, WebhookForm } from "./webhook-form.tsx";

export interface OpenedDialog {
  dialog: WebhookDialog;
  webhook: WebhookRowFragment;
}

interface Props {
  webhook: WebhookRowFragment;
  onClose: () => void;
}

export function WebhookDialogs({ open, onClose }: { open: OpenedDialog; onClose: () => void }) {
  const props = { webhook: open.webhook, onClose };
  switch (open.dialog) {
    case "edit":
      return <Edit {...props} />;
    case "pause":
      return <Pause {...props} />;
    case "resume":
      return <Resume {...props} />;
    case "test":
      return <Test {...props} />;
    case "replay":
      return <ReplayWebhook {...props} />;
    case "remove":
      return <Remove {...props} />;
  }
}

function Edit({ webhook, onClose }: Props) {
  const refresh = useRefresh();
  const say = useSay();

  async function send(draft: Draft): Promise<FieldProblem | undefined> {
    const input = { webhookId: webhook.id, ...draft };
    const { setWebhook } = await request(SetWebhookDocument, { input });
    if (setWebhook.__typename === "InvalidInput") return setWebhook;
    if (setWebhook.__typename === "NotFound") throw refused(setWebhook);
    await refresh();
    onClose();
    say(webhookForm.saved);
    return undefined;
  }

  return (
    <WebhookForm
      title={webhookForm.editTitle}
      submit={shared.save}
      busyLabel={shared.saving}
      draft={webhook}
      send={send}
      onClose={onClose}
    />
  );
}

async function setState(webhook: WebhookRowFragment, state: "ACTIVE" | "PAUSED"): Promise<void> {
  const input = { webhookId: webhook.id, state };
  const { setWebhook } = await request(SetWebhookDocument, { input });
  if (setWebhook.__typename !== "SetWebhookPayload") throw refused(setWebhook);
}

function Pause({ webhook, onClose }: Props) {
  return (
    <ConfirmChange
      title={text.pauseTitle}
      confirm={text.pause}
      busyLabel={shared.saving}
      onConfirm={() => setState(webhook, "PAUSED").then(() => text.paused)}
      onClose={onClose}
    >
      <Named webhook={webhook} />
      <p>{text.pauseLead}</p>
    </ConfirmChange>
  );
}

function Resume({ webhook, onClose }: Props) {
  return (
    <ConfirmChange
      title={text.resumeTitle}
      confirm={text.resume}
      busyLabel={shared.saving}
      onConfirm={() => setState(webhook, "ACTIVE").then(() => text.resumed)}
      onClose={onClose}
    >
      <Named webhook={webhook} />
      <p>{text.resumeLead}</p>
    </ConfirmChange>
  );
}

function Test({ webhook, onClose }: Props) {
  async function test(): Promise<string> {
    const input = { webhookId: webhook.id };
    const { testWebhook } = await request(TestWebhookDocument, { input });
    if (testWebhook.__typename !== "TestWebhookPayload") throw refused(testWebhook);
    return text.tested;
  }

  return (
    <ConfirmChange
      title={text.testTitle}
      confirm={text.test}
      busyLabel={text.sending}
      onConfirm={test}
      onClose={onClose}
    >
      <Named webhook={webhook} />
      <p>{text.testLead}</p>
    </ConfirmChange>
  );
}

function Remove({ webhook, onClose }: Props) {
  async function remove(): Promise<string> {
    const input = { webhookId: webhook.id };
    const { removeWebhook } = await request(RemoveWebhookDocument, { input });
    if (removeWebhook.__typename !== "RemoveWebhookPayload") throw refused(removeWebhook);
    return text.removed;
  }

  return (
    <ConfirmChange
      title={text.removeTitle}
      confirm={text.remove}
      busyLabel={text.removing}
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <Named webhook={webhook} />
      <p>{text.removeLead}</p>
    </ConfirmChange>
  );
}

function Named({ webhook }: { webhook: WebhookRowFragment }) {
  return (
    <p className="webhook-url">
      <strong>
        <Isolated>{webhook.url}</Isolated>
      </strong>
    </p>
  );
}
