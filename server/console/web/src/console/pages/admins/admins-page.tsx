// The tenant's admins: list, invite, change role, transfer ownership, remove.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { AdminRowFragment } from "../../../../generated/operations.ts";
import { roles } from "../../../strings.ts";
import { adminsQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { type Choice, Menu } from "../../parts/menu.tsx";
import { Page } from "../../parts/page.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { Day } from "../../parts/when.tsx";
import { titles } from "../../strings.ts";
import { ChangeRole, RemoveAdmin, TransferOwnership } from "./admin-dialogs.tsx";
import { Invite } from "./invite.tsx";
import { admins as text } from "./strings.ts";


type Open =
  | { what: "invite" }
  | { what: "role" | "transfer" | "remove" | "renew"; admin: AdminRowFragment };

export function AdminsPage() {
  const { mayChange } = useViewer();
  const query = useInfiniteQuery(adminsQuery);
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  return (
    <Page
      title={titles.admins}
      lead={text.lead}
      actions={
        mayChange && (
          <button
            type="button"
            className="button primary"
            onClick={() => setOpen({ what: "invite" })}
          >
            <Icon name="add" />
            {text.invite}
          </button>
        )
      }
    >
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      <Table rows={query.data} onOpen={setOpen} />
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          {text.more}
        </button>
      )}
      {open?.what === "invite" && <Invite onClose={close} />}
      {open?.what === "renew" && <Invite again={open.admin} onClose={close} />}
      {open?.what === "role" && <ChangeRole admin={open.admin} onClose={close} />}
      {open?.what === "transfer" && <TransferOwnership admin={open.admin} onClose={close} />}
      {open?.what === "remove" && <RemoveAdmin admin={open.admin} onClose={close} />}
    </Page>
  );
}

interface TableProps {
  rows: AdminRowFragment[] | undefined;
  onOpen: (open: Open) => void;
}

function Table({ rows, onOpen }: TableProps) {
  return (
    <table className="table">
      <caption className="visually-hidden">{titles.admins}</caption>
      <thead>
        <tr>
          <th scope="col">{text.name}</th>
          <th scope="col">{text.role}</th>
          <th scope="col" className="number">
            {text.tokens}
          </th>
          <th scope="col">{text.since}</th>
          <th scope="col">
            <span className="visually-hidden">{text.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows?.map((admin) => <Row key={admin.id} admin={admin} onOpen={onOpen} />) ?? (
          <Skeleton rows={3} columns={5} />
        )}
      </tbody>
    </table>
  );
}

function Row({ admin, onOpen }: { admin: AdminRowFragment; onOpen: (open: Open) => void }) {
  const viewer = useViewer();
  return (
    <tr>
      <th scope="row">
        {admin.name}
        {admin.id === viewer.admin.id && <span className="tag">{text.you}</span>}
        {admin.invitationPending && <span className="tag">{text.pending}</span>}
        <span className="hint">{admin.email}</span>
      </th>
      <td data-label={text.role}>{roles[admin.role]}</td>
      <td className="number" data-label={text.tokens}>
        {formats.number(admin.liveTokenCount)}
      </td>
      <td data-label={text.since}>
        <Day at={admin.createdAt} />
      </td>
      <td className="row-menu">
        <RowMenu admin={admin} onOpen={onOpen} />
      </td>
    </tr>
  );
}

function RowMenu({ admin, onOpen }: { admin: AdminRowFragment; onOpen: (open: Open) => void }) {
  const { admin: self, mayChange, isOwner } = useViewer();
  // Admins cannot remove themselves or the owner.
  if (!mayChange || admin.id === self.id || admin.role === "OWNER") return null;
  const choices: Choice[] = [
    { label: text.changeRole, onChoose: () => onOpen({ what: "role", admin }) },
  ];
  if (admin.invitationPending) {
    choices.push({ label: text.renew, onChoose: () => onOpen({ what: "renew", admin }) });
  } else if (isOwner) {
    choices.push({ label: text.transfer, onChoose: () => onOpen({ what: "transfer", admin }) });
  }
  choices.push({
    label: text.remove,
    onChoose: () => onOpen({ what: "remove", admin }),
    danger: true,
  });
  return (
    <Menu label={text.actionsOf(admin.name)} className="button icon-only" choices={choices}>
      <Icon name="more" />
    </Menu>
  );
}
