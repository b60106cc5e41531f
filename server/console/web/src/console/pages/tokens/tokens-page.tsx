// API tokens: the tenant's API URL, and its tokens to find, sort, page through and act on.
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useSearchParams } from "wouter";
import type { TokenFilter, TokenRowFragment } from "../../../../generated/operations.ts";
import { tokensQuery } from "../../api/queries.ts";
import { filterOf } from "../../api/token-filter.ts";
import { useViewer } from "../../api/viewer.ts";
import { Icon } from "../../parts/icon.tsx";
import { Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { AddToken } from "../token-dialogs/add-token.tsx";
import { EditToken } from "../token-dialogs/edit-token.tsx";
import { type NewToken, tokenOfLink, withoutToken } from "../token-dialogs/new-token.ts";
import { RevokeToken } from "../token-dialogs/revoke-token.tsx";
import { ApiUrl } from "./api-url.tsx";
import { List } from "./list.tsx";
import { ListTools } from "./list-tools.tsx";
import { listTrouble } from "./list-trouble.ts";
import { FirstUse } from "./no-tokens.tsx";
import { addressOf, filtersOf, isFiltered, isStart, unfiltered, usePlace } from "./place.ts";
import { Reminders } from "./reminders.tsx";
import { RevokeTokens } from "./revoke-tokens.tsx";
import { tokens as text } from "./strings.ts";
import { useDuplicate } from "./use-duplicate.ts";
import { useReturn } from "./use-return.ts";
import { useSelection } from "./use-selection.ts";

/** The open dialog. */
type Open =
  | { dialog: "add"; given?: Partial<NewToken> | undefined }
  | { dialog: "rename" | "revoke"; token: TokenRowFragment }
  | { dialog: "revoke selected"; filter: TokenFilter };

export function TokensPage() {
  const { tenant, mayChange } = useViewer();
  const [place, setPlace] = usePlace();
  const { data, error, isPlaceholderData, refetch } = useQuery(tokensQuery(place));
  const [params, setParams] = useSearchParams();
  const [open, setOpen] = useState<Open | undefined>(() => {
    const given = tokenOfLink(params);
    return given !== undefined && mayChange ? { dialog: "add", given } : undefined;
  });
  // A dialog that was opened while the token was read stays, with what is typed in it.
  const duplicate = useDuplicate((given) => setOpen((now) => now ?? { dialog: "add", given }));
  const search = useRef<HTMLInputElement>(null);
  function clear(): void {
    setPlace(unfiltered(place));
    search.current?.focus(); // The pressed button is gone.
  }
  const read = data?.edges.map((edge) => edge.node);
  // An empty previous search does not predict this one: treat the rows as not yet known.
  const rows = isPlaceholderData && read?.length === 0 ? undefined : read;
  const selection = useSelection(place, isPlaceholderData ? undefined : rows);
  const isFirstUse = rows?.length === 0 && isStart(place);
  useReturn(addressOf(place), rows);
  const add = mayChange && (
    <button type="button" className="button primary" onClick={() => setOpen({ dialog: "add" })}>
      <Icon name="add" />
      {isFirstUse ? text.addFirst : text.add}
    </button>
  );
  function close(): void {
    setOpen(undefined);
    if (tokenOfLink(params) !== undefined) setParams(withoutToken, { replace: true });
  }
  function revokeSelected(): void {
    const filter = selection.isOfAll ? filterOf(filtersOf(place)) : { ids: [...selection.ids] };
    setOpen({ dialog: "revoke selected", filter });
  }

  return (
    <Page title={titles.tokens} lead={text.lead} actions={!isFirstUse && add}>
      <ApiUrl tenant={tenant} />
      {isStart(place) && <Reminders />}
      {!isFirstUse && (
        <ListTools
          place={place}
          onPlace={setPlace}
          onClear={clear}
          searchBox={search}
          mayCount={data !== undefined}
        />
      )}
      {error !== null && (
        <TroubleNote error={listTrouble(error)} onRetry={() => void refetch()} />
      )}
      {error !== null && data === undefined ? (
        // A page that cannot be read may never have existed.
        !isStart(place) && (
          <button type="button" className="button" onClick={clear}>
            {isFiltered(place) ? text.clearFilters : text.toFirstPage}
          </button>
        )
      ) : isFirstUse ? (
        <FirstUse hadTokens={tenant.apiUrl !== null}>{add}</FirstUse>
      ) : (
        <List
          place={place}
          rows={rows}
          pageInfo={data?.pageInfo}
          isBusy={data === undefined || isPlaceholderData}
          // Revoked tokens cannot be revoked.
          selection={mayChange && place.state !== "REVOKED" ? selection : undefined}
          onPlace={setPlace}
          onClear={clear}
          onDuplicate={(token) => void duplicate(token.id)}
          onRename={(token) => setOpen({ dialog: "rename", token })}
          onRevoke={(token) => setOpen({ dialog: "revoke", token })}
          onRevokeSelected={revokeSelected}
        />
      )}
      {open && <OpenDialog open={open} onClose={close} />}
    </Page>
  );
}

function OpenDialog({ open, onClose }: { open: Open; onClose: () => void }) {
  switch (open.dialog) {
    case "add":
      return <AddToken given={open.given} onClose={onClose} />;
    case "rename":
      return <EditToken token={open.token} onClose={onClose} nameOnly />;
    case "revoke":
      return <RevokeToken token={open.token} onClose={onClose} />;
    case "revoke selected":
      return <RevokeTokens filter={open.filter} onClose={onClose} />;
  }
}
