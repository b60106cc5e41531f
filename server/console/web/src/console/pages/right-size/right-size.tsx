// The permissions of a token beside their use, and the suggestion that follows from it.
import "./right-size.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import type { ShownUseFragment, TokenDetailsFragment } from "../../../../generated/operations.ts";
import { rightSizeQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Filter } from "../../parts/filter.tsx";
import { Note } from "../../parts/note.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { Tag } from "../../parts/tag.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { rightSize as text } from "./strings.ts";
import { DEFAULT_DAYS, type RightSize as Found, reviewAddress, withdrawable } from "./suggestion.ts";

const PERIODS = [30, DEFAULT_DAYS, 400];

export function RightSize({ token }: { token: TokenDetailsFragment }) {
  const [days, setDays] = useState(DEFAULT_DAYS);
  const { data, error, isPlaceholderData, refetch } = useQuery(rightSizeQuery(token.id, days));
  const trouble = error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />;
  if (trouble && !data) return trouble;
  return (
    <>
      {trouble}
      <section aria-labelledby="right-size">
        <div className="section-head">
          <h2 id="right-size">{text.title}</h2>
          <Filter
            label={text.period}
            value={String(days)}
            options={PERIODS.map((one) => ({ value: String(one), label: text.periodOf(one) }))}
            onChange={(value) => setDays(Number(value))}
          />
        </div>
        <p className="quiet right-size-lead">{text.lead}</p>
        {/* Until it is read, the data are of another period. */}
        {data && !isPlaceholderData && <Suggestion token={token} days={days} found={data} />}
      </section>
      <section aria-labelledby="unused">
        <div className="section-head">
          <h2 id="unused">{text.unused(formats.number(data?.unused.length ?? 0))}</h2>
        </div>
        {data?.unused.length === 0 ? (
          <p className="quiet">{text.noneUnused}</p>
        ) : (
          <Table
            caption={text.unused("")}
            columns={UNUSED}
            rows={data?.unused}
            loadingRows={3}
            keyOf={keyOf}
          />
        )}
      </section>
      <section aria-labelledby="used">
        <div className="section-head">
          <h2 id="used">{text.used(formats.number(data?.used.length ?? 0))}</h2>
        </div>
        {data?.used.length === 0 ? (
          <p className="quiet">{text.noneUsed}</p>
        ) : (
          <Table
            caption={text.used("")}
            columns={USED}
            rows={data?.used}
            loadingRows={3}
            keyOf={keyOf}
          />
        )}
      </section>
    </>
  );
}

interface SuggestionProps {
  token: TokenDetailsFragment;
  days: number;
  found: Found;
}

function Suggestion({ token, days, found }: SuggestionProps) {
  const { mayChange } = useViewer();
  const { requests, of } = found.wouldDeny;
  const count = withdrawable(found).length;
  if (of === 0) return <Note>{text.noRequests}</Note>;
  return (
    <Note>
      <p>{text.replay(formats.number(requests), formats.number(of), days)}</p>
      <div className="suggestion">
        <p>{count === 0 ? text.nothingToWithdraw : formats.count(count, text.suggestion)}</p>
        {count > 0 && mayChange && !token.revokedAt && (
          <Link href={reviewAddress(token.id, days)} className="button primary">
            {text.review}
          </Link>
        )}
      </div>
    </Note>
  );
}

const keyOf = ({ permission }: ShownUseFragment): string => permission.key;

function Marked({ permission, rhythm }: ShownUseFragment) {
  return (
    <>
      <PermissionLine permission={permission} />
      {rhythm && <Tag tone="notice">{text.rhythms[rhythm]}</Tag>}
    </>
  );
}

const LAST_USED = {
  label: text.lastUsed,
  cell: ({ lastUsedAt }: ShownUseFragment) => (lastUsedAt ? <When at={lastUsedAt} /> : text.never),
};

const UNUSED: Columns<ShownUseFragment> = [
  { label: text.permission, cell: (use) => <Marked {...use} /> },
  LAST_USED,
  { label: text.suggested, cell: ({ rhythm }) => (rhythm ? text.keep : text.withdraw) },
];

const USED: Columns<ShownUseFragment> = [
  { label: text.permission, cell: (use) => <Marked {...use} /> },
  { label: text.requests, isNumber: true, cell: ({ requests }) => formats.number(requests) },
  {
    label: text.firstUsed,
    cell: ({ firstUsedAt }) => (firstUsedAt ? <When at={firstUsedAt} /> : text.never),
  },
  LAST_USED,
];
