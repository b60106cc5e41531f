// The callers that use the old secret during a rotation.
import type {
  OldSecretUseFragment,
  RotationUnderWayFragment,
} from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { shared } from "../../strings.ts";
import { rotation as text } from "./strings.ts";
import { callersOf, countOf } from "./words.ts";

const CALLERS: Columns<OldSecretUseFragment> = [
  { label: text.address, cell: ({ address }) => address },
  { label: text.userAgent, cell: ({ userAgent }) => <Isolated>{userAgent || shared.none}</Isolated> },
  { label: text.requests, isNumber: true, cell: ({ count }) => formats.number(count) },
  { label: text.last, cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
];

export function OldCallers({ rotation }: { rotation: RotationUnderWayFragment }) {
  const callers = callersOf(rotation);
  const isPending = rotation.state === "PENDING";
  if (callers.length === 0) return isPending ? null : <p>{text.unused}</p>;
  const count = countOf(callers);
  return (
    <div className="old-callers">
      <p>{isPending ? text.usedBy(count) : text.stillUsedBy(count)}</p>
      <Table
        caption={text.caption}
        columns={CALLERS}
        rows={callers}
        loadingRows={0}
        keyOf={({ address, userAgent }) => `${address} ${userAgent}`}
      />
    </div>
  );
}
