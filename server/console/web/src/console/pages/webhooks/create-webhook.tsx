// Creating a webhook: asks for address and events, then shows the secret, once.
import { useState } from "react";
import { CreateWebhookDocument } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { SecretDialog } from "../../parts/secret.tsx";
import type { FieldProblem } from "../../parts/use-form.ts";
import { webhookForm as text } from "./strings.ts";
import { type Draft, WebhookForm } from "./webhook-form.tsx";

export function CreateWebhook({ onClose }: { onClose: () => void }) {
  const [secret, setSecret] = useState<string>();
  const refresh = useRefresh();

  async function send(input: Draft): Promise<FieldProblem | undefined> {
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const { createWebhook } = await request(CreateWebhookDocument, { input });
    if (createWebhook.__typename !== "CreateWebhookPayload") return createWebhook;
    setSecret(createWebhook.secret);
    return undefined;
  }

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  if (secret !== undefined) {
    return (
      <SecretDialog
        title={text.secretTitle}
        lead={text.secretLead}
        label={text.secret}
        copyLabel={text.copy}
        secret={secret}
        next={text.done}
        onNext={() => void close()}
        onClose={() => void close()}
      />
    );
  }
  return (
    <WebhookForm
      title={text.createTitle}
      submit={text.create}
      busyLabel={text.creating}
      draft={{ url: "", events: [] }}
      send={send}
      onClose={onClose}
    />
  );
}
