// The signed-in admin's own sessions, and signing out everywhere else.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  EndOtherSessionsDocument,
  SessionsDocument,
  type SessionRowFragment,
} from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { useSay } from "../../parts/status.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { Tag } from "../../parts/tag.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { browserOf } from "./browser.ts";
import { sessions as text } from "./strings.ts";

const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: () => request(SessionsDocument, {}),
  select: (data) => data.sessions,
});

const COLUMNS: Columns<SessionRowFragment> = [
  {
    label: text.where,
    cell: ({ address, userAgent, isCurrent }) => (
      <>
        <span title={isolated(userAgent ?? "")}>{browserOf(userAgent)}</span>{" "}
        {isCurrent && <Tag tone="good">{text.current}</Tag>}
        {address && <div className="quiet">{address}</div>}
      </>
    ),
  },
  { label: text.signedIn, cell: ({ signedInAt }) => <When at={signedInAt} /> },
  { label: text.lastSeen, cell: ({ lastSeenAt }) => <When at={lastSeenAt} /> },
  { label: text.ends, cell: ({ expiresAt }) => <When at={expiresAt} /> },
];

export function Sessions({ onClose }: { onClose: () => void }) {
  const { data, error, refetch } = useQuery(sessionsQuery);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<unknown>();
  const refresh = useRefresh();
  const say = useSay();
  const hasOthers = data?.some(({ isCurrent }) => !isCurrent);

  async function endOthers(): Promise<void> {
    setBusy(true);
    setTrouble(undefined);
    try {
      const { endOtherSessions } = await request(EndOtherSessionsDocument, {});
      await refresh();
      onClose();
      say(text.ended(formats.count(endOtherSessions.endedSessionCount, text.count)));
    } catch (thrown) {
      setTrouble(thrown);
      setBusy(false);
    }
  }

  return (
    <Dialog title={text.title} onDismiss={onClose} busy={busy} wide>
      <p>{text.lead}</p>
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      <Table
        caption={text.title}
        columns={COLUMNS}
        rows={data}
        loadingRows={2}
        keyOf={({ signedInAt }) => signedInAt}
      />
      {hasOthers === false && <p className="quiet">{text.only}</p>}
      {trouble !== undefined && <TroubleNote error={trouble} />}
      <DialogActions>
        <button type="button" className="button" disabled={busy} onClick={onClose}>
          {text.close}
        </button>
        {hasOthers && (
          <BusyButton
            type="button"
            className="button danger"
            busy={busy}
            onClick={() => void endOthers()}
          >
            {busy ? text.ending : text.endOthers}
          </BusyButton>
        )}
      </DialogActions>
    </Dialog>
  );
}
