// The first step of adding a token: asks for its name and description, and creates it.
import { useState } from "react";
import { CreateTokenDocument, type CreateTokenMutation } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import type { Draft } from "./save-changes.ts";
import { addToken as text } from "./strings.ts";

/** The token with its secret, or without it if an earlier answer with it was lost. */
export type Created = Exclude<CreateTokenMutation["createToken"], { __typename: "InvalidInput" }>;

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  onCreated: (created: Created) => void;
  onClose: () => void;
}

export function TokenForm({ draft, onDraft, onCreated, onClose }: Props) {
  // The key prevents a second token when retrying after a broken connection.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const { createToken } = await request(CreateTokenDocument, {
      input: { ...draft, idempotencyKey },
    });
    if (createToken.__typename === "InvalidInput") return createToken;
    onCreated(createToken);
    return undefined;
  });

  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={text.name} hint={text.nameHint} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              value={draft.name}
              required
              autoComplete="off"
              data-autofocus
              onChange={(event) => onDraft({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        <Field label={text.description} hint={text.optional} problem={problemOf("description")}>
          {(field) => (
            <textarea
              {...field}
              rows={3}
              value={draft.description}
              onChange={(event) => onDraft({ ...draft, description: event.target.value })}
            />
          )}
        </Field>
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.create}
          busyLabel={text.creating}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
