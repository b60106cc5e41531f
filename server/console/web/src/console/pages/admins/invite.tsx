// Inviting an admin: asks for their details, then shows, once, the link for setting a password.
import { useState } from "react";
import { type AdminRowFragment, RenewInvitationDocument } from "../../../../generated/operations.ts";
import { href } from "../../../base.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { SecretDialog } from "../../parts/secret.tsx";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { type Invited, InviteForm } from "./invite-form.tsx";
import { invite as text } from "./strings.ts";

interface Props {
  /** The admin whose invitation to renew; undefined to invite a new admin. */
  again?: AdminRowFragment;
  onClose: () => void;
}

export function Invite({ again, onClose }: Props) {
  const [invited, setInvited] = useState<Invited>();
  const { tenant } = useViewer();
  const refresh = useRefresh();

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  if (invited !== undefined) {
    return (
      <SecretDialog
        title={invited.isSentByEmail ? text.sentTitle : text.linkTitle}
        lead={leadOf(invited)}
        label={text.link}
        copyLabel={text.copy}
        secret={`${location.origin}${href("/invitation")}#${invited.invitation}`}
        next={text.done}
        onNext={() => void close()}
        onClose={() => void close()}
      >
        <p>
          {text.signInWith} <code>{tenant.slug}</code>
        </p>
      </SecretDialog>
    );
  }
  if (again !== undefined) return <Renew admin={again} onInvited={setInvited} onClose={onClose} />;
  return <InviteForm onInvited={setInvited} onClose={onClose} />;
}

function leadOf({ name, expiresAt, isSentByEmail }: Invited): string {
  const until = formats.instant(expiresAt);
  return isSentByEmail ? text.sentLead(name, until) : text.linkLead(name, until);
}

interface RenewProps {
  admin: AdminRowFragment;
  onInvited: (invited: Invited) => void;
  onClose: () => void;
}

function Renew({ admin, onInvited, onClose }: RenewProps) {
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
