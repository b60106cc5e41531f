// API tokens: the tenant's API URL, and its live tokens to search, page through and act on.
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { tokensQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Icon } from "../../parts/icon.tsx";
import { Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { AddToken } from "../token-dialogs/add-token.tsx";
import { EditToken } from "../token-dialogs/edit-token.tsx";
import { RevokeToken } from "../token-dialogs/revoke-token.tsx";
import { ApiUrl } from "./api-url.tsx";
import { FirstUse, NothingFound } from "./no-tokens.tsx";
import { Pager } from "./pager.tsx";
import { isStart, usePlace } from "./place.ts";
import { Search } from "./search.tsx";
import { tokens as text } from "./strings.ts";
import { TokensTable } from "./tokens-table.tsx";

/** The open dialog. */
type Open = { dialog: "add" } | { dialog: "rename" | "revoke"; token: TokenRowFragment };

export function TokensPage() {
  const { tenant, mayChange } = useViewer();
  const [place, setPlace] = usePlace();
  const { data, error, isPlaceholderData, refetch } = useQuery(tokensQuery(place));
  const [open, setOpen] = useState<Open>();
  const search = useRef<HTMLInputElement>(null);
  function clear(): void {
    setPlace({ search: "" });
    search.current?.focus(); // The pressed button is gone.
  }
  const read = data?.edges.map((edge) => edge.node);
  // An empty previous search does not predict this one: treat the rows as not yet known.
  const rows = isPlaceholderData && read?.length === 0 ? undefined : read;
  const isFirstUse = rows?.length === 0 && isStart(place);
  const add = mayChange && (
    <button type="button" className="button primary" onClick={() => setOpen({ dialog: "add" })}>
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
        !isStart(place) && (
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
            <TokensTable
              rows={rows}
              onRename={(token) => setOpen({ dialog: "rename", token })}
              onRevoke={(token) => setOpen({ dialog: "revoke", token })}
            />
          )}
          {data !== undefined && (
            <Pager info={data.pageInfo} onTurn={(to) => setPlace({ ...to, search: place.search })} />
          )}
        </div>
      )}
      {open && <OpenDialog open={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function OpenDialog({ open, onClose }: { open: Open; onClose: () => void }) {
  switch (open.dialog) {
    case "add":
      return <AddToken onClose={onClose} />;
    case "rename":
      return <EditToken token={open.token} onClose={onClose} nameOnly />;
    case "revoke":
      return <RevokeToken token={open.token} onClose={onClose} />;
  }
}
