// The tenant's admins: list, invite, change role, transfer ownership, remove.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { AdminRowFragment } from "../../../../generated/operations.ts";
import { adminsQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Icon } from "../../parts/icon.tsx";
import { LoadMore } from "../../parts/load-more.tsx";
import { Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { ChangeRole, TransferOwnership } from "./admin-dialogs.tsx";
import { type AdminDialog, AdminsTable } from "./admins-table.tsx";
import { Invite } from "./invite.tsx";
import { RemoveAdmin } from "./remove-admin.tsx";
import { admins as text } from "./strings.ts";

/** The open dialog. */
type Open = { dialog: "invite" } | { dialog: AdminDialog; admin: AdminRowFragment };

export function AdminsPage() {
  const { mayChange } = useViewer();
  const query = useInfiniteQuery(adminsQuery);
  const [open, setOpen] = useState<Open>();
  const invite = mayChange && (
    <button type="button" className="button primary" onClick={() => setOpen({ dialog: "invite" })}>
      <Icon name="add" />
      {text.invite}
    </button>
  );
  return (
    <Page title={titles.admins} lead={text.lead} actions={invite}>
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      <AdminsTable rows={query.data} onOpen={(dialog, admin) => setOpen({ dialog, admin })} />
      <LoadMore query={query} />
      {open && <OpenDialog open={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function OpenDialog({ open, onClose }: { open: Open; onClose: () => void }) {
  switch (open.dialog) {
    case "invite":
      return <Invite onClose={onClose} />;
    case "renew":
      return <Invite again={open.admin} onClose={onClose} />;
    case "role":
      return <ChangeRole admin={open.admin} onClose={onClose} />;
    case "transfer":
      return <TransferOwnership admin={open.admin} onClose={onClose} />;
    case "remove":
      return <RemoveAdmin admin={open.admin} onClose={onClose} />;
  }
}
