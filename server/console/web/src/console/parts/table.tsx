// A table: rows of cells, and on a narrow screen a card for each row.
import "./table.css";
import "./skeleton.css";
import type { ReactNode } from "react";

interface Column<Row> {
  /** The column's heading, and on a narrow screen the label of its cells. */
  label: string;
  cell: (row: Row) => ReactNode;
  isNumber?: boolean;
  className?: string;
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
  /** A last column of menus. */
  menu?: { label: string; of: (row: Row) => ReactNode };
  className?: string;
}

export function Table<Row>(props: Props<Row>) {
  const { caption, columns, rows, loadingRows, keyOf, menu, className } = props;
  return (
    <table className={className ? `table ${className}` : "table"}>
      <caption className="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ label, isNumber }) => (
            <th key={label} scope="col" className={isNumber ? "number" : undefined}>
              {label}
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
          <tr key={keyOf(row)}>
            <Cells columns={columns} row={row} />
            {menu && <td className="row-menu">{menu.of(row)}</td>}
          </tr>
        )) ?? <Placeholders rows={loadingRows} columns={columns.length + (menu ? 1 : 0)} />}
      </tbody>
    </table>
  );
}

function Cells<Row>({ columns, row }: Pick<Props<Row>, "columns"> & { row: Row }) {
  const [heading, ...others] = columns;
  return (
    <>
      <th scope="row">{heading.cell(row)}</th>
      {others.map(({ label, cell, isNumber, className }) => (
        <td key={label} className={isNumber ? "number" : className} data-label={label}>
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
