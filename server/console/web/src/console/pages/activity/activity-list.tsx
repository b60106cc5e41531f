// The audit trail of one token or the whole tenant, newest first, under a heading for each day.
import "./activity-list.css";
import { LoadMore } from "../../parts/load-more.tsx";
import "../../parts/skeleton.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { ActivityEntryFragment } from "../../../../generated/operations.ts";
import { href } from "../../../base.ts";
import { activityQuery } from "../../api/activity.ts";
import { formats } from "../../formats.ts";
import { TroubleNote } from "../../parts/trouble.tsx";
import { paths } from "../../paths.ts";
import { titles } from "../../strings.ts";
import { Entry } from "./entry.tsx";
import { RevokedTogether, together } from "./revoked-together.tsx";
import { ActivityFilters } from "./filters.tsx";
import { activity as text } from "./strings.ts";
import { fileOf, filterOf, isFiltered, useFilters } from "./use-filters.ts";

/** tokenId: undefined for the whole tenant. */
export function ActivityList({ tokenId }: { tokenId?: string }) {
  const [filters, setFilters] = useFilters();
  const filter = filterOf(filters, tokenId);
  const query = useInfiniteQuery(activityQuery(filter));
  const entries = query.data?.pages.flatMap((page) => page.edges.map((edge) => edge.node));
  return (
    <section aria-label={titles.activity}>
      <ActivityFilters filters={filters} ofTenant={tokenId === undefined} onChange={setFilters} />
      <p className="activity-files">
        {text.download}
        <a href={href(fileOf(paths.activityCsv, filter))} download>
          {text.csv}
        </a>
        <a href={href(fileOf(paths.activityNdjson, filter))} download>
          {text.ndjson}
        </a>
        {tokenId !== undefined && (
          <Link href={`${paths.activity}?about=${encodeURIComponent(tokenId)}`}>
            {text.inTrail}
          </Link>
        )}
      </p>
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {entries?.length === 0 && (
        <p className="quiet" role="status">
          {isFiltered(filters) ? text.noneOfKind : text.none}
        </p>
      )}
      <div aria-busy={query.isFetching}>
        {days(entries ?? []).map(([day, ofDay]) => (
          <Day key={day} entries={ofDay} ofTenant={tokenId === undefined} />
        ))}
        {query.isPending && <Placeholders />}
      </div>
      <LoadMore query={query} />
    </section>
  );
}

/** The entries by day in the reader's time zone, in their order. */
function days(entries: readonly ActivityEntryFragment[]): [string, ActivityEntryFragment[]][] {
  const found = new Map<string, ActivityEntryFragment[]>();
  for (const entry of entries) {
    const day = formats.longDay(entry.occurredAt);
    const ofDay = found.get(day);
    if (ofDay === undefined) found.set(day, [entry]);
    else ofDay.push(entry);
  }
  return [...found];
}

interface DayProps {
  entries: readonly ActivityEntryFragment[];
  ofTenant: boolean;
}

function Day({ entries, ofTenant }: DayProps) {
  const [first] = entries;
  return (
    <>
      {first && <h2 className="activity-day">{dayName(first.occurredAt)}</h2>}
      <ol className="activity">
        {together(entries).map(([entry, ...others]) => (
          <li key={entry.id}>
            {others.length > 0 ? (
              <RevokedTogether entries={[entry, ...others]} />
            ) : (
              <Entry entry={entry} ofTenant={ofTenant} />
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

function dayName(at: string): string {
  const day = formats.longDay(at);
  const yesterday = new Date();
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === formats.longDay(new Date().toISOString())) return text.today(day);
  return day === formats.longDay(yesterday.toISOString()) ? text.yesterday(day) : day;
}

function Placeholders() {
  return (
    <ol className="activity" aria-hidden="true">
      {Array.from({ length: 6 }, (_, row) => (
        <li key={row} className="skeleton">
          <span />
        </li>
      ))}
    </ol>
  );
}
