// The first step of adding a token: asks for its name and conditions, and creates it.
import { useState } from "react";
import { CreateTokenDocument, type CreateTokenMutation } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { ExpiryField, NO_DATE } from "./expiry-field.tsx";
import { limitOf, NO_NUMBER } from "./limit-field.tsx";
import { MoreConditions } from "./more-conditions.tsx";
import { networksOf } from "./networks-field.tsx";
import type { NewToken } from "./new-token.ts";
import { addToken as text } from "./strings.ts";

/** The token with its secret, or without it if an earlier answer with it was lost. */
export type Created = Exclude<CreateTokenMutation["createToken"], { __typename: "InvalidInput" }>;

interface Props {
  draft: NewToken;
  onDraft: (draft: NewToken) => void;
  onCreated: (created: Created) => void;
  onClose: () => void;
}

export function TokenForm({ draft, onDraft, onCreated, onClose }: Props) {
  // The key prevents a second token when retrying after a broken connection.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const { name, description, expiry, isOwnedByOrganisation, holderMayRotate } = draft;
    const requestsPerHour = limitOf(draft.limit);
    if (expiry.at === undefined) return NO_DATE;
    if (requestsPerHour === undefined) return NO_NUMBER;
    const conditions = {
      expiresAt: expiry.at,
      networks: networksOf(draft.networks),
      requestsPerHour,
      isOwnedByOrganisation,
      holderMayRotate,
    };
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const { createToken } = await request(CreateTokenDocument, {
      input: { name, description, ...conditions, idempotencyKey },
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
        <ExpiryField
          expiry={draft.expiry}
          problem={problemOf("expiresAt")}
          onChange={(expiry) => onDraft({ ...draft, expiry })}
        />
        <MoreConditions draft={draft} onDraft={onDraft} problemOf={problemOf} />
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
