// Dialogs for one admin: change the role, transfer ownership.
import { useState } from "react";
import {
  type AdminRowFragment,
  type Role,
  SetAdminRoleDocument,
  TransferOwnershipDocument,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { RoleChoice } from "./role-choice.tsx";
import { adminDialogs as text } from "./strings.ts";

interface Props {
  admin: AdminRowFragment;
  onClose: () => void;
}

export function ChangeRole({ admin, onClose }: Props) {
  const [role, setRole] = useState<Role>(admin.role);

  async function change(): Promise<string> {
    const { setAdminRole } = await request(SetAdminRoleDocument, {
      input: { adminId: admin.id, role },
    });
    if (setAdminRole.__typename !== "SetAdminRolePayload") throw refused(setAdminRole);
    return text.roleChanged(admin.name);
  }

  return (
    <ConfirmChange
      title={text.roleTitle(admin.name)}
      confirm={shared.save}
      busyLabel={shared.saving}
      onConfirm={change}
      onClose={onClose}
    >
      <RoleChoice role={role} onRole={setRole} />
      <p className="quiet">{text.roleKeeps}</p>
    </ConfirmChange>
  );
}

export function TransferOwnership({ admin, onClose }: Props) {
  async function transfer(): Promise<string> {
    const { transferOwnership } = await request(TransferOwnershipDocument, {
      input: { adminId: admin.id },
    });
    if (transferOwnership.__typename !== "TransferOwnershipPayload") {
      throw refused(transferOwnership);
    }
    return text.transferred(admin.name);
  }

  return (
    <ConfirmChange
      title={text.transferTitle(admin.name)}
      confirm={text.transfer}
      busyLabel={shared.saving}
      danger
      onConfirm={transfer}
      onClose={onClose}
    >
      <p>{text.transferLead(admin.name)}</p>
    </ConfirmChange>
  );
}
