// API tokens: the tenant's API URL, and its live tokens to search, page through and act on.
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, type Ref, useEffect, useRef, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { type Place, tokensQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { Icon } from "../../parts/icon.tsx";
import { type Choice, Menu } from "../../parts/menu.tsx";
import { Page } from "../../parts/page.tsx";
import { SearchBox } from "../../parts/search-box.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { Day, When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared, titles } from "../../strings.ts";
import { AddToken } from "../token-dialogs/add-token.tsx";
import { EditToken } from "../token-dialogs/edit-token.tsx";
import { RevokeToken } from "../token-dialogs/revoke-token.tsx";
import { tokens as text } from "./strings.ts";

const SEARCH_PAUSE_MS = 250;

type Open = { what: "add" } | { what: "rename" | "revoke"; token: TokenRowFragment };

export function TokensPage() {
  const { tenant, mayChange } = useViewer();
  const [place, setPlace] = usePlace();
  const { data, error, isPlaceholderData, refetch } = useQuery(tokensQuery(place));
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  const search = useRef<HTMLInputElement>(null);
  function clear(): void {
    setPlace({ search: "" });
    search.current?.focus(); // The pressed button is gone.
  }
  const read = data?.edges.map((edge) => edge.node);
  // An empty previous search does not predict this one: treat the rows as not yet known.
  const rows = isPlaceholderData && read?.length === 0 ? undefined : read;
  const isFirstUse = rows?.length === 0 && !isElsewhere(place);
  const add = mayChange && (
    <button type="button" className="button primary" onClick={() => setOpen({ what: "add" })}>
      <Icon name="add" />
      {isFirstUse ? text.addFirst : text.add}
    </button>
  );

  return (
    <Page title={titles.tokens} lead={text.lead} actions={!isFirstUse && add}>
      {tenant.apiUrl !== null && <ApiUrl url={tenant.apiUrl} />}
      {!isFirstUse && (
        <Search ref={search} value={place.search} onSearch={(words) => setPlace({ search: words })} />
      )}
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      {error !== null && data === undefined ? (
        // A page that cannot be read may never have existed.
        isElsewhere(place) && (
          <button type="button" className="button" onClick={clear}>
            {text.toFirstPage}
          </button>
        )
      ) : isFirstUse ? (
        <FirstUse hadTokens={tenant.apiUrl !== null}>{add}</FirstUse>
      ) : (
        <div aria-busy={data === undefined || isPlaceholderData}>
          {rows?.length === 0 ? (
            <NothingFound search={place.search} onClear={clear} />
          ) : (
            <Table rows={rows} onOpen={setOpen} />
          )}
          {data !== undefined && (
            <Pager info={data.pageInfo} onTurn={(to) => setPlace({ ...to, search: place.search })} />
          )}
        </div>
      )}
      {open?.what === "add" && <AddToken onClose={close} />}
      {open?.what === "rename" && <EditToken token={open.token} onClose={close} nameOnly />}
      {open?.what === "revoke" && <RevokeToken token={open.token} onClose={close} />}
    </Page>
  );
}

function isElsewhere(place: Place): boolean {
  return place.search !== "" || place.after !== undefined || place.before !== undefined;
}

/** The search and page, kept in the address so that a reload or link preserves them. */
function usePlace(): [Place, (place: Place) => void] {
  const [params, setParams] = useSearchParams();
  const after = params.get("after");
  const before = params.get("before");
  const place: Place = {
    search: params.get("search") ?? "",
    ...(after !== null && { after }),
    ...(before !== null && { before }),
  };
  function setPlace(to: Place): void {
    const given = Object.entries(to).filter(([, value]) => value !== "");
    // Replace the history entry: "back" must not step through each letter of a search.
    setParams(new URLSearchParams(given), { replace: to.search !== place.search });
  }
  return [place, setPlace];
}

function ApiUrl({ url }: { url: string }) {
  return (
    <section className="api-url" aria-labelledby="api-url">
      <div>
        <h2 id="api-url">{text.apiUrl}</h2>
        <code>{url}</code>
      </div>
      <CopyButton value={url} label={text.copyUrl} />
    </section>
  );
}

interface SearchProps {
  value: string;
  onSearch: (text: string) => void;
  ref: Ref<HTMLInputElement>;
}

function Search({ value, onSearch, ref }: SearchProps) {
  const [typed, setTyped] = useState(value);
  const [given, setGiven] = useState(value);
  if (value !== given) {
    // The address changed otherwise: by "back", or a cleared search.
    setGiven(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => {
      setGiven(typed);
      onSearch(typed);
    }, SEARCH_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onSearch]);
  return <SearchBox ref={ref} label={text.search} value={typed} onChange={setTyped} />;
}

function FirstUse({ hadTokens, children }: { hadTokens: boolean; children: ReactNode }) {
  return (
    <div className="empty">
      <Icon name="key" />
      <h2>{hadTokens ? text.noneTitle : text.emptyTitle}</h2>
      <p>{text.emptyLead}</p>
      {children || <p>{text.emptyAuditor}</p>}
    </div>
  );
}

function NothingFound({ search, onClear }: { search: string; onClear: () => void }) {
  return (
    <div className="empty">
      <p role="status">{search === "" ? text.pageEmpty : text.nothingFound(search)}</p>
      <button type="button" className="button" onClick={onClear}>
        {search === "" ? text.toFirstPage : text.clearSearch}
      </button>
    </div>
  );
}

interface TableProps {
  rows: TokenRowFragment[] | undefined;
  onOpen: (open: Open) => void;
}

function Table({ rows, onOpen }: TableProps) {
  return (
    <table className="table tokens-table">
      <caption className="visually-hidden">{titles.tokens}</caption>
      <thead>
        <tr>
          <th scope="col">{text.name}</th>
          <th scope="col">{text.description}</th>
          <th scope="col" className="number">
            {text.permissions}
          </th>
          <th scope="col">{text.createdBy}</th>
          <th scope="col">{text.created}</th>
          <th scope="col">{text.lastUsed}</th>
          <th scope="col">
            <span className="visually-hidden">{text.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows === undefined ? (
          <Skeleton rows={8} columns={7} />
        ) : (
          rows.map((token) => <Row key={token.id} token={token} onOpen={onOpen} />)
        )}
      </tbody>
    </table>
  );
}

function Row({ token, onOpen }: { token: TokenRowFragment; onOpen: (open: Open) => void }) {
  return (
    <tr>
      <th scope="row">
        <Link href={paths.token(token.id)} className="row-link">
          {token.name}
        </Link>
        <code className="hint">{token.hint}</code>
      </th>
      <td className="description" data-label={text.description}>
        <span title={token.description || undefined}>{token.description || shared.none}</span>
      </td>
      <td className="number" data-label={text.permissions}>
        {formats.number(token.permissionCount)}
      </td>
      <td className="creator" data-label={text.createdBy}>{token.createdBy?.name ?? shared.formerAdmin}</td>
      <td data-label={text.created}>
        <Day at={token.createdAt} />
      </td>
      <td data-label={text.lastUsed}>
        {token.lastUsedAt ? (
          <When at={token.lastUsedAt} />
        ) : (
          <span className="quiet">{text.never}</span>
        )}
      </td>
      <td className="row-menu">
        <RowMenu token={token} onOpen={onOpen} />
      </td>
    </tr>
  );
}

function RowMenu({ token, onOpen }: { token: TokenRowFragment; onOpen: (open: Open) => void }) {
  const { mayChange } = useViewer();
  const [, go] = useLocation();
  const choices: Choice[] = [{ label: text.view, onChoose: () => go(paths.token(token.id)) }];
  if (mayChange) {
    choices.push(
      { label: text.editPermissions, onChoose: () => go(paths.editPermissions(token.id)) },
      { label: text.rename, onChoose: () => onOpen({ what: "rename", token }) },
      { label: text.revoke, onChoose: () => onOpen({ what: "revoke", token }), danger: true },
    );
  }
  return (
    <Menu label={text.actionsOf(token.name)} className="button icon-only" choices={choices}>
      <Icon name="more" />
    </Menu>
  );
}

interface PagerProps {
  info: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
  onTurn: (to: { after?: string; before?: string }) => void;
}

function Pager({ info, onTurn }: PagerProps) {
  const { hasPreviousPage, hasNextPage, startCursor, endCursor } = info;
  if (!hasPreviousPage && !hasNextPage) return null;
  return (
    <nav className="pager" aria-label={text.pages}>
      <button
        type="button"
        className="button"
        disabled={!hasPreviousPage || startCursor === null}
        onClick={() => startCursor !== null && onTurn({ before: startCursor })}
      >
        {text.previous}
      </button>
      <button
        type="button"
        className="button"
        disabled={!hasNextPage || endCursor === null}
        onClick={() => endCursor !== null && onTurn({ after: endCursor })}
      >
        {text.next}
      </button>
    </nav>
  );
}
