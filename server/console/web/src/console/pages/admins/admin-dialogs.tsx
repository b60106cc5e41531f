// Dialogs for one admin: change the role, transfer ownership, remove with their tokens.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type AdminRowFragment,
  RemoveAdminDocument,
  type Role,
  SetAdminRoleDocument,
  TransferOwnershipDocument,
} from "../../../../generated/operations.ts";
import { adminsQuery } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
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

export function RemoveAdmin({ admin, onClose }: Props) {
  async function remove(): Promise<string> {
    const { removeAdmin } = await request(RemoveAdminDocument, { input: { adminId: admin.id } });
    if (removeAdmin.__typename !== "RemoveAdminPayload") throw refused(removeAdmin);
    const count = formats.count(removeAdmin.revokedTokenCount, shared.tokenCount);
    return text.removed(admin.name, count);
  }

  // Refetch on opening: they may have created a token since the list was loaded.
  const { data } = useInfiniteQuery(adminsQuery);
  const { liveTokenCount } = data?.find(({ id }) => id === admin.id) ?? admin;
  return (
    <ConfirmChange
      title={text.removeTitle(admin.name)}
      confirm={text.remove}
      busyLabel={text.removing}
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <p>{text.removeLead}</p>
      <p>
        <strong>
          {liveTokenCount === 0
            ? text.removeNone
            : text.removeTokens(formats.count(liveTokenCount, shared.tokenCount))}
        </strong>
      </p>
      <p>{text.removeKeeps}</p>
    </ConfirmChange>
  );
}
