// The table of live tokens, with a menu for each.
import "./tokens-table.css";
import { Link, useLocation } from "wouter";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { type Choice, Menu } from "../../parts/menu.tsx";
import { type Columns, Table } from "../../parts/table.tsx";
import { Day, When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared, titles } from "../../strings.ts";
import { words } from "../condition-texts.ts";
import { StateTags } from "../state-tags.tsx";
import { tokens as text } from "./strings.ts";

const COLUMNS: Columns<TokenRowFragment> = [
  {
    label: text.name,
    cell: (token) => (
      <>
        <Link href={paths.token(token.id)} className="row-link">
          {token.name}
        </Link>
        <span className="below-name">
          <code className="hint">{token.hint}</code>
          <StateTags token={token} unusualOnly />
        </span>
      </>
    ),
  },
  {
    label: text.description,
    className: "description",
    cell: ({ description }) => (
      <span title={description || undefined}>{description || shared.none}</span>
    ),
  },
  {
    label: text.permissions,
    isNumber: true,
    cell: ({ permissionCount }) => formats.number(permissionCount),
  },
  {
    label: text.owner,
    className: "owner",
    cell: (token) => <Owner token={token} />,
  },
  { label: text.created, cell: ({ createdAt }) => <Day at={createdAt} /> },
  {
    label: text.lastUsed,
    cell: ({ lastUsedAt }) =>
      lastUsedAt ? <When at={lastUsedAt} /> : <span className="quiet">{text.never}</span>,
  },
];

function Owner({ token }: { token: TokenRowFragment }) {
  const { tenant } = useViewer();
  return words.owner(token, tenant);
}

interface Props {
  rows: TokenRowFragment[] | undefined;
  onRename: (token: TokenRowFragment) => void;
  onRevoke: (token: TokenRowFragment) => void;
}

export function TokensTable({ rows, onRename, onRevoke }: Props) {
  return (
    <Table
      className="tokens-table"
      caption={titles.tokens}
      columns={COLUMNS}
      rows={rows}
      loadingRows={8}
      keyOf={({ id }) => id}
      menu={{
        label: text.actions,
        of: (token) => <RowMenu token={token} onRename={onRename} onRevoke={onRevoke} />,
      }}
    />
  );
}

function RowMenu({ token, onRename, onRevoke }: Omit<Props, "rows"> & { token: TokenRowFragment }) {
  const { mayChange } = useViewer();
  const [, go] = useLocation();
  const choices: Choice[] = [{ label: text.view, onChoose: () => go(paths.token(token.id)) }];
  if (mayChange) {
    choices.push(
      { label: text.editPermissions, onChoose: () => go(paths.editPermissions(token.id)) },
      { label: text.rename, onChoose: () => onRename(token) },
      { label: text.revoke, onChoose: () => onRevoke(token), danger: true },
    );
  }
  return (
    <Menu label={text.actionsOf(token.name)} className="button icon-only" choices={choices}>
      <Icon name="more" />
    </Menu>
  );
}
