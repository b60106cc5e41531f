// The rows of a page of the list, what is selected of them, and the way to other pages.
import { useRef } from "react";
import type { TokenRowFragment, TokensQuery } from "../../../../generated/operations.ts";
import type { Place } from "../../api/token-filter.ts";
import { NothingFound } from "./no-tokens.tsx";
import { Pager } from "./pager.tsx";
import { refiltered, reordered, resized } from "./place.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { TokensTable } from "./tokens-table.tsx";
import type { Selection } from "./use-selection.ts";

interface Props {
  place: Place;
  /** Undefined while loading. */
  rows: TokenRowFragment[] | undefined;
  pageInfo: TokensQuery["tokens"]["pageInfo"] | undefined;
  isBusy: boolean;
  /** Undefined where no row can be selected. */
  selection: Selection | undefined;
  onPlace: (place: Place) => void;
  onClear: () => void;
  onDuplicate: (token: TokenRowFragment) => void;
  onRename: (token: TokenRowFragment) => void;
  onRevoke: (token: TokenRowFragment) => void;
  onRevokeSelected: () => void;
}

export function List(props: Props) {
  const { place, rows, pageInfo, isBusy, selection, onPlace } = props;
  const list = useRef<HTMLDivElement>(null);
  function clearSelection(): void {
    selection?.clear();
    // The pressed button is gone.
    list.current?.querySelector<HTMLElement>("thead input, tbody input")?.focus();
  }
  return (
    <div ref={list} aria-busy={isBusy}>
      {rows?.length === 0 ? (
        <NothingFound place={place} onPlace={onPlace} onClear={props.onClear} />
      ) : (
        <TokensTable
          rows={rows}
          order={place.order ?? "NEWEST"}
          onSort={(order) => onPlace(reordered(place, order))}
          selection={selection}
          onDuplicate={props.onDuplicate}
          onRename={props.onRename}
          onRevoke={props.onRevoke}
        />
      )}
      {selection && rows !== undefined && (
        <SelectionBar
          place={place}
          selection={selection}
          rows={rows}
          onRevoke={props.onRevokeSelected}
          onClear={clearSelection}
        />
      )}
      {pageInfo && (
        <Pager
          info={pageInfo}
          size={place.size}
          isBusy={isBusy}
          onTurn={(to) => onPlace({ ...refiltered(place, {}), ...to })}
          onSize={(size) => onPlace(resized(place, size))}
        />
      )}
    </div>
  );
}
