// The tokens that a policy gives another expiry, page after page.
import { useState } from "react";
import {
  type PolicyEffectFragment,
  TokenPolicyPreviewDocument,
} from "../../../../generated/operations.ts";
import { href } from "../../../base.ts";
import { request } from "../../api/request.ts";
import { useViewer } from "../../api/viewer.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { LoadMore } from "../../parts/load-more.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { words } from "../condition-texts.ts";
import type { Previewed } from "./previewed.ts";
import { preview as text } from "./strings.ts";

const COLUMNS: Columns<PolicyEffectFragment> = [
  {
    label: text.name,
    // In another tab, and so no `Link`: the preview stays.
    cell: ({ token }) => (
      <a href={href(paths.token(token.id))} target="_blank" rel="noreferrer">
        <Isolated>{token.name}</Isolated>
      </a>
    ),
  },
  { label: text.owner, cell: ({ token }) => <Owner token={token} /> },
  {
    label: text.lastUsed,
    cell: ({ token }) =>
      token.lastUsedAt ? (
        <>
          <When at={token.lastUsedAt} />{" "}
          {token.lastUsedFrom && <span className="hint">{text.usedFrom(token.lastUsedFrom)}</span>}
        </>
      ) : (
        text.never
      ),
  },
  {
    label: text.expires,
    cell: ({ token }) => (token.expiresAt ? <When at={token.expiresAt} /> : text.never),
  },
  { label: text.newExpiry, cell: ({ newExpiresAt }) => <When at={newExpiresAt} /> },
];

function Owner({ token }: Pick<PolicyEffectFragment, "token">) {
  const { tenant } = useViewer();
  return <Isolated>{words.owner(token, tenant)}</Isolated>;
}

export function Affected({ previewed: { wanted, preview } }: { previewed: Previewed }) {
  const [more, setMore] = useState<Previewed["preview"]["tokens"][]>([]);
  const [trouble, setTrouble] = useState<unknown>();
  const [loading, setLoading] = useState(false);
  const pages = [preview.tokens, ...more];
  const rows = pages.flatMap(({ edges }) => edges.map(({ node }) => node));
  const last = pages.at(-1)?.pageInfo;
  if (rows.length === 0) return null;

  async function load(after: string | null): Promise<void> {
    setLoading(true);
    setTrouble(undefined);
    try {
      const variables = { policy: wanted.policy, effectiveFrom: preview.effectiveFrom, after };
      const answer = (await request(TokenPolicyPreviewDocument, variables)).tokenPolicyPreview;
      if (answer.__typename === "InvalidInput") setTrouble(answer.message);
      else setMore([...more, answer.tokens]);
    } catch (error) {
      setTrouble(error);
    }
    setLoading(false);
  }

  return (
    <>
      <Table
        caption={text.table}
        columns={COLUMNS}
        rows={rows}
        loadingRows={0}
        keyOf={({ token }) => token.id}
      />
      {trouble !== undefined && <TroubleNote error={trouble} />}
      <LoadMore
        query={{
          hasNextPage: last?.hasNextPage === true,
          isFetchingNextPage: loading,
          fetchNextPage: () => load(last?.endCursor ?? null),
        }}
      />
    </>
  );
}
