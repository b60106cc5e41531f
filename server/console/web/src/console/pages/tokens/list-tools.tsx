// Above the list: its views, the search, the order on narrow screens, the filters, and how many tokens there are.
import "./filters.css";
import { useQuery } from "@tanstack/react-query";
import { type Ref, type RefObject, useId, useRef, useState } from "react";
import { MAX_COUNTED, tokenCountQuery } from "../../api/queries.ts";
import type { Filters, Place } from "../../api/token-filter.ts";
import { formats } from "../../formats.ts";
import { Filter } from "../../parts/filter.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Chips } from "./chips.tsx";
import { FilterPanel } from "./filters.tsx";
import { activeFilters, filtersOf, ORDERS, refiltered, reordered } from "./place.ts";
import { Search } from "./search.tsx";
import { filters as text, sorting, tokens } from "./strings.ts";
import { useCurrentView, Views } from "./views.tsx";

interface Props {
  place: Place;
  onPlace: (place: Place) => void;
  onClear: () => void;
  searchBox: RefObject<HTMLInputElement | null>;
  /** Whether the list is read: it comes before the numbers of its views. */
  mayCount: boolean;
}

export function ListTools({ place, onPlace, onClear, searchBox, mayCount }: Props) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const filter = (changed: Partial<Filters>): void => onPlace(refiltered(place, changed));
  const isView = useCurrentView(place) !== undefined;
  return (
    <>
      <Views place={place} mayCount={mayCount} />
      <div className="list-tools">
        <Search
          ref={searchBox}
          value={place.search}
          onSearch={(search) => filter({ search })}
        />
        <FiltersButton
          ref={opener}
          open={open}
          panel={panel}
          active={activeFilters(place).length}
          onClick={() => setOpen(!open)}
        />
        <Count filters={filtersOf(place)} />
        <div className="sort-by">
          <Filter
            label={sorting.label}
            value={place.order ?? "NEWEST"}
            options={ORDERS.map((order) => ({ value: order, label: sorting.orders[order] }))}
            onChange={(value) =>
              onPlace(reordered(place, ORDERS.find((order) => order === value) ?? "NEWEST"))
            }
          />
        </div>
      </div>
      <div id={panel} hidden={!open}>
        {open && <FilterPanel place={place} onFilter={filter} />}
      </div>
      {!isView && (
        <Chips
          place={place}
          onRemove={(name) => {
            filter({ [name]: undefined });
            opener.current?.focus(); // The pressed button is gone.
          }}
          onClear={onClear}
        />
      )}
    </>
  );
}

interface ButtonProps {
  open: boolean;
  panel: string;
  active: number;
  onClick: () => void;
  ref: Ref<HTMLButtonElement>;
}

function FiltersButton({ open, panel, active, onClick, ref }: ButtonProps) {
  return (
    <button
      ref={ref}
      type="button"
      className="button"
      aria-expanded={open}
      aria-controls={panel}
      onClick={onClick}
    >
      <Icon name="filter" />
      {text.open(active)}
    </button>
  );
}

/** Says nothing where the tokens are too many to count. */
function Count({ filters }: { filters: Filters }) {
  const { data: count, error } = useQuery(tokenCountQuery(filters));
  return (
    <p className="list-count" role="status">
      {count !== undefined && error === null && countInWords(count)}
    </p>
  );
}

function countInWords(count: number): string {
  return count > MAX_COUNTED
    ? tokens.moreThan(formats.number(MAX_COUNTED))
    : formats.count(count, tokens.count);
}
