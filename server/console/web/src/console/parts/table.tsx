// A table: rows of cells, and on a narrow screen a card for each row.
import "./table.css";
import "./skeleton.css";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Icon } from "./icon.tsx";

interface Column<Row> {
  /** The column's heading, and on a narrow screen the label of its cells. */
  label: string;
  cell: (row: Row) => ReactNode;
  isNumber?: boolean;
  className?: string;
  /** On a narrow screen, hidden until the row's details are opened. */
  isDetail?: boolean;
  /** The name by which `Sorting` knows the column; without it, it sorts nothing. */
  sort?: string;
}

export interface Sorting {
  /** How the rows are sorted by the column with this name. */
  of: (name: string) => "ascending" | "descending" | "none";
  onSort: (name: string) => void;
}

export interface RowSelection<Row> {
  /** The name of a row's checkbox. */
  labelOf: (row: Row) => string;
  allLabel: string;
  isSelected: (row: Row) => boolean;
  /** Undefined while the rows are those of another page: no row can be selected. */
  onToggle: ((rows: readonly Row[], on: boolean) => void) | undefined;
}

/** The first column names the rows. */
export type Columns<Row> = readonly [Column<Row>, ...Column<Row>[]];

interface Props<Row> {
  /** The table's accessible name. */
  caption: string;
  columns: Columns<Row>;
  /** Undefined while loading: `loadingRows` placeholders keep the layout from shifting. */
  rows: readonly Row[] | undefined;
  loadingRows: number;
  keyOf: (row: Row) => string;
  /** The name of a row's button that opens its details on a narrow screen. */
  detailsOf?: (row: Row) => string;
  /** A last column of menus. */
  menu?: { label: string; of: (row: Row) => ReactNode } | undefined;
  sorting?: Sorting;
  /** A first column of checkboxes. */
  selection?: RowSelection<Row> | undefined;
  className?: string;
}

export function Table<Row>(props: Props<Row>) {
  const { caption, columns, rows, loadingRows, keyOf, menu, sorting, selection, className } = props;
  const { detailsOf } = props;
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const count = columns.length + (menu ? 1 : 0) + (selection ? 1 : 0);
  return (
    <table className={className ? `table ${className}` : "table"}>
      <caption className="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {selection && <SelectAll rows={rows} selection={selection} />}
          {columns.map(({ label, isNumber, className: column, sort }) => (
            <th
              key={label}
              scope="col"
              className={[isNumber && "number", column].filter(Boolean).join(" ") || undefined}
              aria-sort={sort === undefined ? undefined : sorting?.of(sort)}
            >
              {sort !== undefined && sorting ? (
                <SortButton label={label} name={sort} sorting={sorting} />
              ) : (
                label
              )}
            </th>
          ))}
          {menu && (
            <th scope="col">
              <span className="visually-hidden">{menu.label}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows?.map((row) => (
          <tr
            key={keyOf(row)}
            className={classesOf(selection?.isSelected(row), opened.has(keyOf(row)))}
          >
            {selection && (
              <td className="row-select">
                <input
                  type="checkbox"
                  aria-label={selection.labelOf(row)}
                  checked={selection.isSelected(row)}
                  disabled={selection.onToggle === undefined}
                  onChange={(event) => selection.onToggle?.([row], event.target.checked)}
                />
              </td>
            )}
            <Cells columns={columns} row={row} />
            {(menu || detailsOf) && (
              <td className="row-menu">
                {detailsOf && (
                  <button
                    type="button"
                    className="button icon-only row-opener"
                    aria-label={detailsOf(row)}
                    aria-expanded={opened.has(keyOf(row))}
                    onClick={() => setOpened(toggled(opened, keyOf(row)))}
                  >
                    <Icon name="chevron" />
                  </button>
                )}
                {menu?.of(row)}
              </td>
            )}
          </tr>
        )) ?? <Placeholders rows={loadingRows} columns={count} />}
      </tbody>
    </table>
  );
}

function classesOf(selected = false, opened = false): string | undefined {
  return [selected && "selected", opened && "opened"].filter(Boolean).join(" ") || undefined;
}

function toggled(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const after = new Set(keys);
  if (!after.delete(key)) after.add(key);
  return after;
}

/** On a narrow screen, where the headings are hidden, a page offers a choice instead. */
function SortButton({ label, name, sorting }: { label: string; name: string; sorting: Sorting }) {
  const direction = sorting.of(name);
  return (
    <>
      <button
        type="button"
        className={`sort-button ${direction}`}
        onClick={() => sorting.onSort(name)}
      >
        {label}
        <Icon name="chevron" />
      </button>
      <span className="sort-name">{label}</span>
    </>
  );
}

interface SelectAllProps<Row> {
  /** Undefined while loading: then it cannot be checked, so that no click is lost. */
  rows: readonly Row[] | undefined;
  selection: RowSelection<Row>;
}

function SelectAll<Row>({ rows, selection }: SelectAllProps<Row>) {
  const box = useRef<HTMLInputElement>(null);
  const { onToggle } = selection;
  const count = rows?.filter(selection.isSelected).length ?? 0;
  const all = count > 0 && count === rows?.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = count > 0 && !all;
  }, [count, all]);
  return (
    <th scope="col" className="row-select">
      <input
        ref={box}
        type="checkbox"
        aria-label={selection.allLabel}
        checked={all}
        disabled={rows === undefined || onToggle === undefined}
        onChange={() => onToggle?.(rows ?? [], !all)}
      />
    </th>
  );
}

function Cells<Row>({ columns, row }: Pick<Props<Row>, "columns"> & { row: Row }) {
  const [heading, ...others] = columns;
  return (
    <>
      <th scope="row">{heading.cell(row)}</th>
      {others.map(({ label, cell, isNumber, className, isDetail }) => (
        <td
          key={label}
          className={[isNumber && "number", className, isDetail && "detail"]
            .filter(Boolean)
            .join(" ")}
          data-label={label}
        >
          {cell(row)}
        </td>
      ))}
    </>
  );
}

function Placeholders({ rows, columns }: { rows: number; columns: number }) {
  return Array.from({ length: rows }, (_, row) => (
    <tr key={row} className="skeleton" aria-hidden="true">
      {Array.from({ length: columns }, (_, column) => (
        <td key={column}>
          <span />
        </td>
      ))}
    </tr>
  ));
}
