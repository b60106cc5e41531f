// The form that invites an admin.
import { useState } from "react";
import { AddAdminDocument, type Role } from "../../../../generated/operations.ts";
import { session } from "../../../strings.ts";
import { request } from "../../api/request.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { missing, tooLong } from "../../parts/field-problems.ts";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { RoleChoice } from "./role-choice.tsx";
import { invite as text } from "./strings.ts";

const MAX_NAME = 100;

/** An invited admin. The secret invitation is in the state of `Invite`, and nowhere else. */
export interface Invited {
  name: string;
  invitation: string;
  expiresAt: string;
  isSentByEmail: boolean;
}

interface Props {
  onInvited: (invited: Invited) => void;
  onClose: () => void;
}

export function InviteForm({ onInvited, onClose }: Props) {
  const [draft, setDraft] = useState<{ email: string; name: string; role: Role }>({
    email: "",
    name: "",
    role: "ADMIN",
  });
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const problems = problemsOf(draft.email, draft.name);
    if (problems.length > 0) return problems;
    const { addAdmin } = await request(AddAdminDocument, { input: draft });
    if (addAdmin.__typename !== "AddAdminPayload") return addAdmin;
    onInvited({ ...addAdmin, name: addAdmin.admin.name });
    return undefined;
  });

  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={session.email} problem={problemOf("email")}>
          {(field) => (
            <input
              {...field}
              type="email"
              autoComplete="off"
              required
              data-autofocus
              dir="auto"
              value={draft.email}
              onChange={(event) => setDraft({ ...draft, email: event.target.value })}
            />
          )}
        </Field>
        <Field label={text.name} hint={text.nameHint} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              autoComplete="off"
              required
              dir="auto"
              value={draft.name}
              onChange={(event) => setDraft({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        <RoleChoice role={draft.role} onRole={(role) => setDraft({ ...draft, role })} />
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.invite}
          busyLabel={text.inviting}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

/** What the server would refuse one after the other. */
function problemsOf(email: string, name: string): FieldProblem[] {
  const isAddress = /^\S+@\S+$/.test(email.trim());
  return [
    ...(isAddress ? [] : [{ field: "email", message: text.missingEmail }]),
    ...missing("name", name, text.missingName),
    ...tooLong("name", name, MAX_NAME),
  ];
}
