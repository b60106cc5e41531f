// The table of live tokens, with a menu for each.
import "./tokens-table.css";
import { Link, useLocation } from "wouter";
import type { TokenOrder, TokenRowFragment } from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { type Choice, Menu } from "../../parts/menu.tsx";
import { type Columns, type Sorting, Table } from "../../parts/table.tsx";
import { Day, When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { titles } from "../../strings.ts";
import { words } from "../condition-texts.ts";
import { EndTag, StateTag } from "../state-tags.tsx";
import { selection as selecting, tokens as text } from "./strings.ts";
import type { Selection } from "./use-selection.ts";

const COLUMNS: Columns<TokenRowFragment> = [
  {
    label: text.name,
    sort: "name",
    cell: (token) => (
      <>
        <span className="name-line">
          <span className={`state-dot ${token.state.toLowerCase()}`} aria-hidden="true" />
          <Link href={paths.token(token.id)} className="row-link">
            <Isolated>{token.name}</Isolated>
          </Link>
          {token.state !== "ACTIVE" && <StateTag token={token} />}
        </span>
        {/* On a phone, in place of the columns. */}
        <span className="phone-line">{phoneLine(token)}</span>
        <span className="below-name">
          <code className="hint">{token.hint}</code>
          {token.description && (
            <span className="description" dir="auto" title={isolated(token.description)}>
              {token.description}
            </span>
          )}
        </span>
      </>
    ),
  },
  {
    label: text.permissions,
    isNumber: true,
    className: "permissions",
    isDetail: true,
    cell: ({ permissionCount }) => formats.number(permissionCount),
  },
  {
    label: text.owner,
    className: "owner",
    isDetail: true,
    cell: (token) => <Owner token={token} />,
  },
  {
    label: text.created,
    sort: "created",
    className: "created",
    isDetail: true,
    cell: ({ createdAt }) => <Day at={createdAt} />,
  },
  {
    label: text.lastUsed,
    sort: "used",
    className: "used",
    isDetail: true,
    cell: ({ lastUsedAt }) =>
      lastUsedAt ? <When at={lastUsedAt} /> : <span className="quiet">{text.never}</span>,
  },
  {
    label: text.expires,
    sort: "expires",
    className: "expires",
    isDetail: true,
    cell: (token) =>
      token.expiresAt ? (
        <>
          <Day at={token.expiresAt} />
          <EndTag token={token} />
        </>
      ) : (
        <span className="quiet">{text.never}</span>
      ),
  },
];

/** The orders by each column: that of the first click, and that of the second, if there is one. */
const ORDERS: Record<string, readonly [Order, Order?]> = {
  name: [{ order: "NAME", direction: "ascending" }],
  created: [
    { order: "NEWEST", direction: "descending" },
    { order: "OLDEST", direction: "ascending" },
  ],
  used: [
    { order: "LAST_USED", direction: "descending" },
    { order: "LEAST_RECENTLY_USED", direction: "ascending" },
  ],
  expires: [{ order: "EXPIRES_SOONEST", direction: "ascending" }],
};

interface Order {
  order: TokenOrder;
  direction: "ascending" | "descending";
}

function sortingBy(present: TokenOrder, onSort: (order: TokenOrder) => void): Sorting {
  return {
    of: (name) => ORDERS[name]?.find((one) => one?.order === present)?.direction ?? "none",
    onSort: (name) => {
      const [first, second] = ORDERS[name] ?? [];
      if (first === undefined) return;
      // A column with one order gives way to the usual one.
      const next = second?.order ?? "NEWEST";
      onSort(present === first.order ? next : first.order);
    },
  };
}

function phoneLine({ permissionCount, lastUsedAt }: TokenRowFragment): string {
  const permissions = formats.count(permissionCount, text.permissionCount);
  const used = lastUsedAt === null ? text.neverUsed : text.used(formats.relative(lastUsedAt, Date.now()));
  return `${permissions} · ${used}`;
}

function Owner({ token }: { token: TokenRowFragment }) {
  const { tenant } = useViewer();
  const owner = words.owner(token, tenant);
  return (
    <bdi className="owner-name" title={isolated(owner)}>
      {owner}
    </bdi>
  );
}

interface Props {
  rows: TokenRowFragment[] | undefined;
  order: TokenOrder;
  onSort: (order: TokenOrder) => void;
  /** Undefined where no row can be selected. */
  selection: Selection | undefined;
  onDuplicate: (token: TokenRowFragment) => void;
  onRename: (token: TokenRowFragment) => void;
  onRevoke: (token: TokenRowFragment) => void;
}

export function TokensTable({ rows, order, onSort, selection, ...actions }: Props) {
  return (
    <Table
      className="tokens-table"
      caption={titles.tokens}
      columns={COLUMNS}
      rows={rows}
      loadingRows={8}
      keyOf={({ id }) => id}
      detailsOf={({ name }) => text.details(name)}
      sorting={sortingBy(order, onSort)}
      selection={
        selection && {
          labelOf: ({ name }) => selecting.ofRow(name),
          allLabel: selecting.ofPage,
          isSelected: ({ id }) => selection.ids.has(id),
          onToggle:
            selection.toggle &&
            ((changed, on) => selection.toggle?.(changed.map(({ id }) => id), on)),
        }
      }
      menu={{
        label: text.actions,
        of: (token) => <RowMenu token={token} {...actions} />,
      }}
    />
  );
}

type MenuProps = Pick<Props, "onDuplicate" | "onRename" | "onRevoke"> & { token: TokenRowFragment };

function RowMenu({ token, onDuplicate, onRename, onRevoke }: MenuProps) {
  const { mayChange } = useViewer();
  const [, go] = useLocation();
  const choices: Choice[] = [{ label: text.view, onChoose: () => go(paths.token(token.id)) }];
  if (mayChange && token.state !== "REVOKED") {
    choices.push(
      { label: text.editPermissions, onChoose: () => go(paths.editPermissions(token.id)) },
      { label: text.duplicate, onChoose: () => onDuplicate(token) },
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
