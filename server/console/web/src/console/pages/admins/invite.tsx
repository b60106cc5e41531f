// Inviting an admin: asks for their details, then shows, once, the link for setting a password.
import { useState } from "react";
import {
  AddAdminDocument,
  type AdminRowFragment,
  RenewInvitationDocument,
  type Role,
} from "../../../../generated/operations.ts";
import { session } from "../../../strings.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { SecretDialog } from "../../parts/secret.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { RoleChoice } from "./role-choice.tsx";
import { invite as text } from "./strings.ts";


/** The secret is in this state, in this component, and nowhere else. */
interface Invited {
  name: string;
  invitation: string;
  expiresAt: string;
}

interface Props {
  /** The admin whose invitation to renew; undefined to invite a new admin. */
  again?: AdminRowFragment;
  onClose: () => void;
}

export function Invite({ again, onClose }: Props) {
  const [invited, setInvited] = useState<Invited>();
  const refresh = useRefresh();

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  if (invited !== undefined) {
    return (
      <SecretDialog
        title={text.linkTitle}
        lead={text.linkLead(invited.name, formats.instant(invited.expiresAt))}
        label={text.link}
        copyLabel={text.copy}
        secret={`${location.origin}/invitation#${invited.invitation}`}
        next={text.done}
        onNext={() => void close()}
        onClose={() => void close()}
      />
    );
  }
  if (again !== undefined) return <Renew admin={again} onInvited={setInvited} onClose={onClose} />;
  return <Details onInvited={setInvited} onClose={onClose} />;
}

interface StepProps {
  onInvited: (invited: Invited) => void;
  onClose: () => void;
}

function Details({ onInvited, onClose }: StepProps) {
  const [draft, setDraft] = useState<{ email: string; name: string; role: Role }>({
    email: "",
    name: "",
    role: "ADMIN",
  });
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
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
              value={draft.email}
              onChange={(event) => setDraft({ ...draft, email: event.target.value })}
            />
          )}
        </Field>
        <Field label={text.name} problem={problemOf("name")}>
          {(field) => (
            <input
              {...field}
              autoComplete="off"
              required
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

function Renew({ admin, onInvited, onClose }: StepProps & { admin: AdminRowFragment }) {
  async function renew(): Promise<undefined> {
    const { renewInvitation } = await request(RenewInvitationDocument, {
      input: { adminId: admin.id },
    });
    if (renewInvitation.__typename !== "RenewInvitationPayload") throw refused(renewInvitation);
    onInvited({ ...renewInvitation, name: admin.name });
  }

  return (
    <ConfirmChange
      title={text.renewTitle(admin.name)}
      confirm={text.renew}
      busyLabel={text.inviting}
      onConfirm={renew}
      onClose={onClose}
    >
      <p>{text.renewLead}</p>
    </ConfirmChange>
  );
}
