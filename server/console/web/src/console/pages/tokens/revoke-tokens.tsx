// Revokes several tokens, after a confirmation that says what will stop.
import "../token-dialogs/revoke-token.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  RevokeTokensDocument,
  type TokenFilter,
  TokensToRevokeDocument,
  type TokensToRevokeQuery,
} from "../../../../generated/operations.ts";
import { MAX_COUNTED } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { daysAgo } from "../../api/token-filter.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { listTrouble } from "./list-trouble.ts";
import { bulk as text, selection, tokens } from "./strings.ts";

const LATELY_DAYS = 7;

interface Props {
  /** The tokens to revoke. Its instants are those of the opening of the dialog. */
  filter: TokenFilter;
  onClose: () => void;
}

export function RevokeTokens({ filter, onClose }: Props) {
  const { data, error, refetch } = usePreview(filter);
  const count = data?.count ?? 0;

  async function revoke(): Promise<string> {
    const { revokeTokens: answer } = await request(RevokeTokensDocument, {
      input: { filter, expectedCount: count },
    });
    switch (answer.__typename) {
      case "RevokeTokensPayload":
        return text.revoked(answer.revokedTokenCount, inWords(answer.revokedTokenCount));
      case "CountChanged":
        // The dialog stays, and shows the tokens as they are now.
        await refetch();
        throw refused({ message: text.changed(inWords(count), inWords(answer.count)) });
      case "InvalidInput":
        throw refused(answer);
    }
  }

  return (
    <ConfirmChange
      title={data === undefined ? text.loadingTitle : text.title(inWords(count))}
      confirm={text.confirm(inWords(count))}
      busyLabel={text.revoking}
      danger
      ready={count > 0 && count <= MAX_COUNTED}
      onConfirm={revoke}
      onClose={onClose}
    >
      <p>{text.lead}</p>
      {error !== null && <TroubleNote error={listTrouble(error)} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <p className="quiet">{shared.loading}</p>}
      {data !== undefined && <WhatStops preview={data} />}
    </ConfirmChange>
  );
}

function usePreview(filter: TokenFilter) {
  const [lately] = useState(() => daysAgo(LATELY_DAYS));
  // Of those that were never used, none was used.
  const used = filter.neverUsed ? { ...filter, ids: [] } : { ...filter, neverUsed: false };
  const { unusedSince } = filter;
  // Unused for longer already: none of them was used lately.
  const before = unusedSince && unusedSince < lately ? unusedSince : lately;
  return useQuery({
    queryKey: ["tokens to revoke", filter],
    queryFn: () =>
      request(TokensToRevokeDocument, {
        all: filter,
        used,
        usedBefore: { ...used, unusedSince: before },
      }),
    // A confirmation is of what the dialog shows, and of nothing older.
    gcTime: 0,
  });
}

function inWords(count: number): string {
  return formats.count(count, tokens.count);
}

function WhatStops({ preview }: { preview: TokensToRevokeQuery }) {
  const { count, used, tokens: page } = preview;
  const shown = page.edges.map(({ node }) => node);
  if (count === 0) return <p>{text.none}</p>;
  if (count > MAX_COUNTED) return <p>{selection.tooMany(formats.number(MAX_COUNTED))}</p>;
  return (
    <>
      <p>
        <strong>{useInWords(preview)}</strong>
      </p>
      <p>{used === 0 ? text.some : text.latest}</p>
      <ul className="consequences">
        {shown.map(({ id, name, lastUsedAt, lastUsedFrom }) => (
          <li key={id}>
            <Isolated>{name}</Isolated>,{" "}
            {lastUsedAt === null
              ? text.unused
              : text.usedAt(formats.instant(lastUsedAt), lastUsedFrom ?? text.unknown)}
          </li>
        ))}
        {count > shown.length && <li>{text.more(formats.number(count - shown.length))}</li>}
      </ul>
    </>
  );
}

/** How many were used lately, and how many never. */
function useInWords({ count, used, usedBefore }: TokensToRevokeQuery): string {
  const lately = Math.max(0, used - usedBefore);
  const never = Math.max(0, count - used);
  if (never === count) return text.noneEverUsed;
  const first = lately === 0 ? text.noneUsedLately : text.usedLately(lately, inWords(lately));
  return never === 0 ? first : `${first} ${text.neverUsed(never, inWords(never))}`;
}
