// The requests that a trial would have denied, by permission and caller.
import "./trial.css";
import type { DeniedByTrialFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { PermissionLine } from "../../parts/permission.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { trial as text } from "./strings.ts";

/** More of them open from a count. */
const MAX_CALLERS_AT_ONCE = 3;

const COLUMNS: Columns<DeniedByTrialFragment> = [
  { label: text.permission, cell: ({ permission }) => <PermissionLine permission={permission} /> },
  { label: text.count, isNumber: true, cell: ({ count }) => formats.number(count) },
  { label: text.last, cell: ({ lastAt }) => <When at={lastAt} /> },
  { label: text.callers, cell: (denied) => <Callers denied={denied} /> },
];

export function Denied({ rows }: { rows: readonly DeniedByTrialFragment[] }) {
  return (
    <Table
      caption={text.caption}
      columns={COLUMNS}
      rows={rows}
      loadingRows={0}
      keyOf={({ permission }) => permission.key}
    />
  );
}

/** The same as a list, for a dialog, which is too narrow for the table. */
export function DeniedList({ rows }: { rows: readonly DeniedByTrialFragment[] }) {
  return (
    <ul className="trial-denied-list">
      {rows.map((denied) => (
        <li key={denied.permission.key}>
          <PermissionLine permission={denied.permission} />
          <p>{text.requestsOf(formats.count(denied.count, text.requests))}</p>
          <Callers denied={denied} />
        </li>
      ))}
    </ul>
  );
}

function Callers({ denied: { clients } }: { denied: DeniedByTrialFragment }) {
  const list = (
    <ul className="trial-callers">
      {clients.map(({ address, userAgent, count }) => (
        <li key={`${address} ${userAgent}`}>
          {text.caller(address, userAgent, formats.number(count))}
        </li>
      ))}
    </ul>
  );
  if (clients.length <= MAX_CALLERS_AT_ONCE) return list;
  return (
    <details>
      <summary>{formats.count(clients.length, text.callerCount)}</summary>
      {list}
    </details>
  );
}
