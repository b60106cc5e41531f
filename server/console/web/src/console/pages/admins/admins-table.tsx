// The table of admins, with a menu for each.
import type { AdminRowFragment } from "../../../../generated/operations.ts";
import { roles } from "../../../strings.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { type Choice, Menu } from "../../parts/menu.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { Tag } from "../../parts/tag.tsx";
import { Day } from "../../parts/when.tsx";
import { titles } from "../../strings.ts";
import { admins as text } from "./strings.ts";

const COLUMNS: Columns<AdminRowFragment> = [
  { label: text.name, cell: (admin) => <Name admin={admin} /> },
  { label: text.role, cell: ({ role }) => roles[role] },
  {
    label: text.tokens,
    isNumber: true,
    cell: ({ liveTokenCount }) => formats.number(liveTokenCount),
  },
  { label: text.since, cell: ({ createdAt }) => <Day at={createdAt} /> },
];

function Name({ admin }: { admin: AdminRowFragment }) {
  const viewer = useViewer();
  return (
    <>
      <Isolated>{admin.name}</Isolated>
      {admin.id === viewer.admin.id && <Tag>{text.you}</Tag>}
      {admin.invitationPending && <Tag>{text.pending}</Tag>}
      <span className="hint">
        <Isolated>{admin.email}</Isolated>
      </span>
    </>
  );
}

/** A dialog for one admin. */
export type AdminDialog = "role" | "transfer" | "remove" | "renew";

interface Props {
  rows: AdminRowFragment[] | undefined;
  onOpen: (dialog: AdminDialog, admin: AdminRowFragment) => void;
}

export function AdminsTable({ rows, onOpen }: Props) {
  return (
    <Table
      caption={titles.admins}
      columns={COLUMNS}
      rows={rows}
      loadingRows={3}
      keyOf={({ id }) => id}
      menu={{
        label: text.actions,
        of: (admin) => <RowMenu admin={admin} onOpen={(dialog) => onOpen(dialog, admin)} />,
      }}
    />
  );
}

interface MenuProps {
  admin: AdminRowFragment;
  onOpen: (dialog: AdminDialog) => void;
}

function RowMenu({ admin, onOpen }: MenuProps) {
  const { admin: self, mayChange, isOwner } = useViewer();
  // Admins cannot remove themselves or the owner.
  if (!mayChange || admin.id === self.id || admin.role === "OWNER") return null;
  const choices: Choice[] = [{ label: text.changeRole, onChoose: () => onOpen("role") }];
  if (admin.invitationPending) {
    choices.push({ label: text.renew, onChoose: () => onOpen("renew") });
  } else if (isOwner) {
    choices.push({ label: text.transfer, onChoose: () => onOpen("transfer") });
  }
  choices.push({ label: text.remove, onChoose: () => onOpen("remove"), danger: true });
  return (
    <Menu label={text.actionsOf(admin.name)} className="button icon-only" choices={choices}>
      <Icon name="more" />
    </Menu>
  );
}
