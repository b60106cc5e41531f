// The audit trail of one token or the whole tenant, newest first.
import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { Link, useSearchParams } from "wouter";
import type { ActivityKind, ActivityPageFragment } from "../../../../generated/operations.ts";
import { activityQuery } from "../../api/queries.ts";
import { formats } from "../../formats.ts";
import { Page } from "../../parts/page.tsx";
import { ChangedPermissions } from "../../parts/permission.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared, titles } from "../../strings.ts";
import { activity as text } from "./strings.ts";

const KINDS = Object.keys(text.kind) as ActivityKind[];

type Happened = ActivityPageFragment["edges"][number]["node"];

export function ActivityPage() {
  return (
    <Page title={titles.activity} lead={text.lead}>
      <ActivityList />
    </Page>
  );
}

/** tokenId: undefined for everything that happened in the tenant. */
export function ActivityList({ tokenId }: { tokenId?: string }) {
  const [kind, setKind] = useKind();
  const query = useInfiniteQuery(activityQuery(tokenId, kind));
  const happened = query.data?.pages.flatMap((page) => page?.edges.map((edge) => edge.node) ?? []);
  return (
    <section aria-label={titles.activity}>
      <KindFilter kind={kind} onKind={setKind} />
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {happened?.length === 0 && (
        <p className="quiet" role="status">
          {kind === undefined ? text.none : text.noneOfKind}
        </p>
      )}
      <ol className="activity" aria-busy={query.isFetching}>
        {happened?.map((one) => (
          <li key={one.id}>
            <Entry happened={one} ofTenant={tokenId === undefined} />
          </li>
        ))}
        {query.isPending && <Waiting />}
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

/** In the address, so that a reload keeps it. */
function useKind(): [ActivityKind | undefined, (kind: string) => void] {
  const [params, setParams] = useSearchParams();
  const kind = KINDS.find((one) => one === params.get("kind"));
  return [kind, (to) => setParams(to === "" ? {} : { kind: to }, { replace: true })];
}

function KindFilter({ kind, onKind }: { kind: string | undefined; onKind: (kind: string) => void }) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{text.filter}</label>
      <select id={id} value={kind ?? ""} onChange={(event) => onKind(event.target.value)}>
        <option value="">{text.everything}</option>
        {KINDS.map((one) => (
          <option key={one} value={one}>
            {text.kind[one]}
          </option>
        ))}
      </select>
    </div>
  );
}

function Waiting() {
  return Array.from({ length: 6 }, (_, row) => (
    <li key={row} className="skeleton" aria-hidden="true">
      <span />
    </li>
  ));
}

function Entry({ happened, ofTenant }: { happened: Happened; ofTenant: boolean }) {
  const { token } = happened;
  return (
    <>
      <p className="activity-line">
        <strong>{happened.actor?.name ?? shared.formerAdmin}</strong>{" "}
        {sentence(happened)}
        {ofTenant && (
          <>
            {" · "}
            <Link href={paths.token(token.id)}>{token.name}</Link>
          </>
        )}
      </p>
      <p className="activity-when">
        <When at={happened.occurredAt} />
      </p>
      <Particulars happened={happened} />
    </>
  );
}

function sentence(happened: Happened): string {
  switch (happened.__typename) {
    case "TokenCreated":
      return text.created;
    case "TokenNameChanged":
      return text.renamed;
    case "TokenDescriptionChanged":
      return text.described;
    case "TokenPermissionsEdited":
      return text.permissionsEdited(
        formats.number(happened.granted.length),
        formats.number(happened.withdrawn.length),
      );
    case "TokenRevoked":
      return text.revoked[happened.reason];
  }
}

function Particulars({ happened }: { happened: Happened }): ReactNode {
  switch (happened.__typename) {
    case "TokenNameChanged":
      return <Change before={happened.previousName} after={happened.name} />;
    case "TokenDescriptionChanged":
      return <Change before={happened.previousDescription} after={happened.description} />;
    case "TokenPermissionsEdited":
      return (
        <div className="change-lists">
          <ChangedPermissions title={text.granted} permissions={happened.granted} />
          <ChangedPermissions title={text.withdrawn} permissions={happened.withdrawn} />
        </div>
      );
    default:
      return null;
  }
}

function Change({ before, after }: { before: string; after: string }) {
  return (
    <p className="change">
      <span className="visually-hidden">{text.from} </span>
      <del>{before || shared.none}</del>
      <span aria-hidden="true"> → </span>
      <span className="visually-hidden"> {text.to} </span>
      <ins>{after || shared.none}</ins>
    </p>
  );
}
