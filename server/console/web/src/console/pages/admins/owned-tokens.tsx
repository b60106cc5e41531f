// The tokens of an admin who may be removed: who uses them, what stops, and what becomes of them.
import type { RemovalRowFragment } from "../../../../generated/operations.ts";
import { href } from "../../../base.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { ChoiceOfToken } from "./removal-choice.tsx";
import type { Choices, Option } from "./removal-choices.ts";
import { removal as text } from "./strings.ts";

const SHOWN_CALLS = 3;

interface Props {
  rows: readonly RemovalRowFragment[];
  choices: Choices;
  options: readonly Option[];
}

export function OwnedTokens({ rows, choices, options }: Props) {
  const columns: Columns<RemovalRowFragment> = [
    {
      label: text.token,
      // In another tab, and so no `Link`: the choices stay.
      cell: ({ token }) => (
        <a href={href(paths.token(token.id))} target="_blank" rel="noreferrer">
          <Isolated>{token.name}</Isolated>
        </a>
      ),
    },
    { label: text.callers, cell: (row) => <Callers row={row} /> },
    { label: text.stops, cell: ({ stops }) => <Stops stops={stops} /> },
    {
      label: text.choice,
      cell: ({ token }) => <ChoiceOfToken token={token} choices={choices} options={options} />,
    },
  ];
  return (
    <Table
      caption={text.table}
      columns={columns}
      rows={rows}
      loadingRows={0}
      keyOf={({ token }) => token.id}
      className="removal-plan"
    />
  );
}

function Callers({ row: { callers } }: { row: RemovalRowFragment }) {
  if (callers.length === 0) return text.never;
  return (
    <ul>
      {callers.map(({ address, userAgent, lastUsedAt }) => (
        <li key={`${address} ${userAgent}`}>
          <When at={lastUsedAt} />{" "}
          <span className="hint">{text.usedBy(address, userAgent)}</span>
        </li>
      ))}
    </ul>
  );
}

function Stops({ stops }: Pick<RemovalRowFragment, "stops">) {
  if (stops.length === 0) return <span className="quiet">{text.noCalls}</span>;
  const more = stops.length - SHOWN_CALLS;
  return (
    <ul>
      {stops.slice(0, SHOWN_CALLS).map(({ permission, allowed }) => (
        <li key={permission?.key} title={permission?.key}>
          {text.call(permission?.name ?? "", formats.count(allowed, text.calls))}
        </li>
      ))}
      {more > 0 && <li className="quiet">{text.moreCalls(formats.number(more))}</li>}
    </ul>
  );
}
