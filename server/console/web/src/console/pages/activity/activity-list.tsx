// The audit trail of one token or the whole tenant, newest first.
import "./activity-list.css";
import "../../parts/skeleton.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import type { ActivityKind } from "../../../../generated/operations.ts";
import { activityQuery } from "../../api/queries.ts";
import { Filter } from "../../parts/filter.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared, titles } from "../../strings.ts";
import { Entry } from "./entry.tsx";
import { activity as text } from "./strings.ts";

const KINDS = Object.keys(text.kind) as ActivityKind[];
const OPTIONS = [
  { value: "", label: text.everything },
  ...KINDS.map((kind) => ({ value: kind, label: text.kind[kind] })),
];

/** tokenId: undefined for the whole tenant. */
export function ActivityList({ tokenId }: { tokenId?: string }) {
  const [kind, setKind] = useKind();
  const query = useInfiniteQuery(activityQuery(tokenId, kind));
  const entries = query.data?.pages.flatMap((page) => page?.edges.map((edge) => edge.node) ?? []);
  return (
    <section aria-label={titles.activity}>
      <Filter label={text.filter} value={kind ?? ""} options={OPTIONS} onChange={setKind} />
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {entries?.length === 0 && (
        <p className="quiet" role="status">
          {kind === undefined ? text.none : text.noneOfKind}
        </p>
      )}
      <ol className="activity" aria-busy={query.isFetching}>
        {entries?.map((entry) => (
          <li key={entry.id}>
            <Entry entry={entry} ofTenant={tokenId === undefined} />
          </li>
        ))}
        {query.isPending && <Placeholders />}
      </ol>
      {query.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {query.isFetchingNextPage ? shared.loading : text.more}
        </button>
      )}
    </section>
  );
}

/** The kind of activity shown, kept in the address so that a reload preserves it. */
function useKind(): [ActivityKind | undefined, (kind: string) => void] {
  const [params, setParams] = useSearchParams();
  const kind = KINDS.find((one) => one === params.get("kind"));
  return [kind, (to) => setParams(to === "" ? {} : { kind: to }, { replace: true })];
}

function Placeholders() {
  return Array.from({ length: 6 }, (_, row) => (
    <li key={row} className="skeleton" aria-hidden="true">
      <span />
    </li>
  ));
}
