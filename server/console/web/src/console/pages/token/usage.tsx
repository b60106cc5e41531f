// A token's usage by permission, and the reasons of its latest refusals.
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { TokenUsageQuery } from "../../../../generated/operations.ts";
import { usageQuery } from "../../api/queries.ts";
import { formats } from "../../formats.ts";
import { MethodBadge, PermissionLine } from "../../parts/permission.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { usage as text } from "./strings.ts";

const PERIODS = [1, 7, 30, undefined];

type Shown = NonNullable<TokenUsageQuery["token"]>;

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
          <Period days={days} onDays={setDays} />
        </div>
        <Counts rows={data?.usage} />
      </section>
      <section aria-labelledby="refusals">
        <h2 id="refusals">{text.refusals}</h2>
        <p className="quiet">{text.refusalsLead}</p>
        <Refusals rows={data?.recentRefusals} />
      </section>
    </>
  );
}

interface PeriodProps {
  days: number | undefined;
  onDays: (days: number | undefined) => void;
}

function Period({ days, onDays }: PeriodProps) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{text.period}</label>
      <select
        id={id}
        value={days ?? ""}
        onChange={(event) => onDays(event.target.value ? Number(event.target.value) : undefined)}
      >
        {PERIODS.map((one) => (
          <option key={one ?? 0} value={one ?? ""}>
            {text.periodOf(one)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Counts({ rows }: { rows: Shown["usage"] | undefined }) {
  if (rows?.length === 0) return <p className="quiet">{text.unused}</p>;
  return (
    <table className="table">
      <caption className="visually-hidden">{text.title}</caption>
      <thead>
        <tr>
          <th scope="col">{text.permission}</th>
          <th scope="col" className="number">
            {text.allowed}
          </th>
          <th scope="col" className="number">
            {text.denied}
          </th>
          <th scope="col">{text.lastUsed}</th>
        </tr>
      </thead>
      <tbody>
        {rows?.map((row) => (
          <tr key={row.permission?.key ?? ""}>
            <th scope="row">
              {row.permission ? <PermissionLine permission={row.permission} /> : text.noOperation}
            </th>
            <td className="number" data-label={text.allowed}>
              {formats.number(row.allowed)}
            </td>
            <td className="number" data-label={text.denied}>
              {formats.number(row.denied)}
            </td>
            <td data-label={text.lastUsed}>
              <When at={row.lastUsedAt} />
            </td>
          </tr>
        )) ?? <Skeleton rows={4} columns={4} />}
      </tbody>
    </table>
  );
}

function Refusals({ rows }: { rows: Shown["recentRefusals"] | undefined }) {
  if (rows?.length === 0) return <p>{text.noRefusals}</p>;
  return (
    <table className="table">
      <caption className="visually-hidden">{text.refusals}</caption>
      <thead>
        <tr>
          <th scope="col">{text.when}</th>
          <th scope="col">{text.call}</th>
          <th scope="col">{text.reason}</th>
          <th scope="col">{text.address}</th>
          <th scope="col">{text.requestId}</th>
        </tr>
      </thead>
      <tbody>
        {rows?.map((row) => (
          <tr key={`${row.requestId} ${row.occurredAt}`}>
            <th scope="row">
              <When at={row.occurredAt} />
            </th>
            <td data-label={text.call}>
              <span className="permission">
                <MethodBadge method={row.method} />
                {row.path ? <code>{row.path}</code> : <span>{text.noOperation}</span>}
              </span>
            </td>
            <td data-label={text.reason}>{text.reasons[row.reason]}</td>
            <td data-label={text.address}>
              <span title={row.userAgent}>{row.address}</span>
            </td>
            <td data-label={text.requestId}>
              <code className="request-id">{row.requestId}</code>
            </td>
          </tr>
        )) ?? <Skeleton rows={3} columns={5} />}
      </tbody>
    </table>
  );
}
