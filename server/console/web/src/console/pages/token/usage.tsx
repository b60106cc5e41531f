// A token's usage by permission, and the reasons of its latest refusals.
import "./usage.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type {
  RefusalRowFragment,
  TokenUsageQuery,
  UsageRowFragment,
} from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { usageQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Filter } from "../../parts/filter.tsx";
import { MethodBadge, PermissionLine } from "../../parts/permission.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { Logged, When } from "../../parts/when.tsx";
import { GrantPermission } from "../grant-permission.tsx";
import { usage as text } from "./strings.ts";

/** In days, including today; undefined is the whole time that the server keeps. */
const PERIODS = [1, 7, 30, undefined];

export function Usage({ tokenId }: { tokenId: string }) {
  const [days, setDays] = useState<number | undefined>(30);
  const { data, error, refetch } = useQuery(usageQuery(tokenId, days));
  const trouble = error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />;
  if (trouble && data === undefined) return trouble;
  return (
    <>
      {trouble}
      <section aria-labelledby="usage">
        <div className="section-head">
          <h2 id="usage">{text.title}</h2>
          <Filter
            label={text.period}
            value={String(days ?? "")}
            options={PERIODS.map((one) => ({ value: String(one ?? ""), label: text.periodOf(one) }))}
            onChange={(value) => setDays(value ? Number(value) : undefined)}
          />
        </div>
        <p className="quiet">{text.days(formats.relative(startOfToday(), Date.now()))}</p>
        <UsageTable rows={data?.usage} />
      </section>
      <section aria-labelledby="refusals">
        <h2 id="refusals">{text.refusals}</h2>
        <p className="quiet">{text.refusalsLead}</p>
        <RefusalsTable token={data} />
      </section>
    </>
  );
}

/** The server counts by days of UTC, whatever the reader's zone. */
function startOfToday(): string {
  return `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
}

const USAGE: Columns<UsageRowFragment> = [
  {
    label: text.permission,
    cell: ({ permission }) =>
      permission ? <PermissionLine permission={permission} /> : text.noOperation,
  },
  { label: text.allowed, isNumber: true, cell: ({ allowed }) => formats.number(allowed) },
  { label: text.denied, isNumber: true, cell: ({ denied }) => formats.number(denied) },
  { label: text.lastUsed, cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
];

function UsageTable({ rows }: { rows: UsageRowFragment[] | undefined }) {
  if (rows?.length === 0) return <p className="quiet">{text.unused}</p>;
  return (
    <Table
      caption={text.title}
      columns={USAGE}
      rows={rows}
      loadingRows={4}
      keyOf={({ permission }) => permission?.key ?? ""}
    />
  );
}

type UsedToken = TokenUsageQuery["token"] | undefined;

const REFUSALS: Columns<RefusalRowFragment> = [
  { label: text.when, cell: ({ occurredAt }) => <Logged at={occurredAt} /> },
  {
    label: text.call,
    cell: ({ method, path }) => (
      <span className="permission">
        <MethodBadge method={method} />
        {path ? <code>{path}</code> : <span>{text.noOperation}</span>}
      </span>
    ),
  },
  { label: text.reason, cell: ({ reason }) => text.reasons[reason] },
  { label: text.address, cell: ({ address, userAgent }) => <span title={isolated(userAgent)}>{address}</span> },
  { label: text.requestId, cell: ({ requestId }) => <code className="request-id">{requestId}</code> },
];

function RefusalsTable({ token }: { token: UsedToken }) {
  const { mayChange } = useViewer();
  const rows = token?.recentRefusals;
  if (rows?.length === 0) return <p>{text.noRefusals}</p>;
  return (
    <Table
      caption={text.refusals}
      columns={REFUSALS}
      rows={rows}
      loadingRows={3}
      keyOf={({ requestId, occurredAt }) => `${requestId} ${occurredAt}`}
      menu={mayChange && token ? { label: text.grant, of: (row) => grantOf(row, token) } : undefined}
    />
  );
}

/** The button that grants what a call lacked; nothing where the token holds it by now. */
function grantOf({ method, path, reason }: RefusalRowFragment, token: NonNullable<UsedToken>) {
  const key = `${method} ${path}`;
  const isHeld = token.permissions.some((one) => one.key === key);
  if (reason !== "NOT_GRANTED" || path === null || isHeld || token.revokedAt !== null) return null;
  return <GrantPermission token={token} permissionKey={key} />;
}
