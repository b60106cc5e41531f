// The table of access requests, with the buttons that decide an open one.
import { Link } from "wouter";
import type { AccessRequestRowFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { titles } from "../../strings.ts";
import { requests as text } from "./strings.ts";

export type Decision = "grant" | "decline";
type Row = AccessRequestRowFragment;

interface Props {
  rows: readonly Row[] | undefined;
  onDecide: (decision: Decision, request: Row) => void;
}

export function RequestsTable({ rows, onDecide }: Props) {
  const columns: Columns<Row> = [
    {
      label: text.token,
      cell: ({ token }) => (
        <Link href={paths.token(token.id)}>
          <Isolated>{token.name}</Isolated>
        </Link>
      ),
    },
    { label: text.permission, cell: ({ permission }) => <PermissionLine permission={permission} /> },
    {
      label: text.reason,
      cell: ({ reason }) => (
        <span className="request-reason">
          <Isolated>{reason}</Isolated>
        </span>
      ),
    },
    {
      label: text.asked,
      cell: ({ requestedAt, requestedFrom }) => (
        <>
          <When at={requestedAt} />
          <span className="hint">{text.from(requestedFrom)}</span>
        </>
      ),
    },
    {
      label: text.refused,
      isNumber: true,
      cell: ({ recentRefusalCount }) => (
        <>
          {formats.number(recentRefusalCount)}
          <span className="hint">{text.refusedLately}</span>
        </>
      ),
    },
    {
      label: text.decision,
      cell: (request) => <Decided request={request} onDecide={onDecide} />,
    },
  ];
  return (
    <Table
      caption={titles.requests}
      columns={columns}
      rows={rows}
      loadingRows={3}
      keyOf={({ id }) => id}
      className="requests"
    />
  );
}

interface DecidedProps {
  request: Row;
  onDecide: Props["onDecide"];
}

function Decided({ request, onDecide }: DecidedProps) {
  const { mayChange } = useViewer();
  const { state, permission, token, decidedBy, decidedAt, declineReason } = request;
  if (state === "OPEN") {
    if (!mayChange) return text.states.OPEN;
    return (
      <span className="request-buttons">
        <button
          type="button"
          className="button"
          aria-label={text.grantOf(permission.key, token.name)}
          onClick={() => onDecide("grant", request)}
        >
          {text.grant}
        </button>
        <button
          type="button"
          className="button"
          aria-label={text.declineOf(permission.key, token.name)}
          onClick={() => onDecide("decline", request)}
        >
          {text.decline}
        </button>
      </span>
    );
  }
  return (
    <>
      {state === "ENDED" ? text.ended : text.states[state]}
      {decidedBy !== null && ` ${text.by(decidedBy.name)}`}
      <span className="hint">
        {decidedAt !== null && <When at={decidedAt} />}
        {declineReason !== null && <> {text.declinedFor(declineReason)}</>}
      </span>
    </>
  );
}
