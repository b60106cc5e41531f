// The first step of adding a token: asks for its name and conditions, and creates it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CreateTokenDocument, type CreateTokenMutation } from "../../../../generated/operations.ts";
import { recipesQuery } from "../../api/catalogue.ts";
import { request } from "../../api/request.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { NO_DATE } from "./expiry.ts";
import { ExpiryField } from "./expiry-field.tsx";
import { GivenPermissions } from "./given-permissions.tsx";
import { limitOf, NO_NUMBER } from "./limit-field.tsx";
import { MoreConditions } from "./more-conditions.tsx";
import { nameProblems } from "./name-problems.ts";
import { networkProblems, networksOf } from "./networks-field.tsx";
import type { NewToken } from "./new-token.ts";
import { RecipeField } from "./recipe-field.tsx";
import { keysOfRecipe } from "../edit-permissions/recipes.ts";
import { addToken as text } from "./strings.ts";

/** The token with its secret, or without it if an earlier answer with it was lost. */
export type Created = Exclude<CreateTokenMutation["createToken"], { __typename: "InvalidInput" }>;

interface Props {
  draft: NewToken;
  onDraft: (draft: NewToken) => void;
  /** keys: the permissions that it was given. */
  onCreated: (created: Created, keys: readonly string[]) => void;
  onClose: () => void;
}

export function TokenForm({ draft, onDraft, onCreated, onClose }: Props) {
  // The key prevents a second token when retrying after a broken connection.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const { data: recipes = [] } = useQuery(recipesQuery);
  const recipe = recipes.find(({ slug }) => slug === draft.recipe);
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const { name, description, expiry, isOwnedByOrganisation, holderMayRotate } = draft;
    const requestsPerHour = limitOf(draft.limit);
    const problems = problemsOf(draft);
    if (expiry.at === undefined || requestsPerHour === undefined || problems.length > 0) {
      return problems;
    }
    const conditions = {
      expiresAt: expiry.at,
      networks: networksOf(draft.networks),
      requestsPerHour,
      isOwnedByOrganisation,
      holderMayRotate,
    };
    const keys = [...new Set([...(recipe ? keysOfRecipe(recipe) : []), ...draft.keys])];
    // Bypasses the cache of queries and mutations: the answer contains the secret.
    const { createToken } = await request(CreateTokenDocument, {
      input: {
        name,
        description,
        ...conditions,
        permissions: keys,
        followCategories: [...draft.follows],
        recipe: recipe?.slug ?? null,
        idempotencyKey,
      },
    });
    if (createToken.__typename === "InvalidInput") return createToken;
    onCreated(createToken, keys);
    return undefined;
  });

  const isGiven = draft.keys.length + draft.follows.length > 0;
  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={text.name} hint={text.nameHint} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              dir="auto"
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
              dir="auto"
              value={draft.description}
              onChange={(event) => onDraft({ ...draft, description: event.target.value })}
            />
          )}
        </Field>
        <GivenPermissions
          draft={draft}
          problem={problemOf("permissions") ?? problemOf("followCategories")}
          onDraft={onDraft}
        />
        {recipes.length > 0 && (
          <RecipeField
            recipes={recipes}
            chosen={recipe}
            problem={problemOf("recipe") ?? (isGiven ? undefined : problemOf("permissions"))}
            onChange={(slug) => onDraft({ ...draft, recipe: slug })}
          />
        )}
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

/** What the server would refuse one after the other. */
function problemsOf(draft: NewToken): FieldProblem[] {
  return [
    ...nameProblems(draft),
    ...(draft.expiry.at === undefined ? [NO_DATE] : []),
    ...networkProblems(draft.networks),
    ...(limitOf(draft.limit) === undefined ? [NO_NUMBER] : []),
  ];
}
