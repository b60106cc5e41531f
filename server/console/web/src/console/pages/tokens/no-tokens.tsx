// In place of a list without tokens: an invitation to add the first one, or a way back.
import type { ReactNode } from "react";
import type { Place } from "../../api/token-filter.ts";
import { Empty } from "../../parts/empty.tsx";
import { Icon } from "../../parts/icon.tsx";
import { activeFilters, isFiltered, unfiltered } from "./place.ts";
import { tokens as text } from "./strings.ts";

export function FirstUse({ hadTokens, children }: { hadTokens: boolean; children: ReactNode }) {
  return (
    <Empty>
      <Icon name="key" />
      <h2>{hadTokens ? text.noneTitle : text.emptyTitle}</h2>
      <p>{text.emptyLead}</p>
      {children || <p>{text.emptyAuditor}</p>}
    </Empty>
  );
}

interface NothingProps {
  place: Place;
  onPlace: (place: Place) => void;
  onClear: () => void;
}

export function NothingFound({ place, onPlace, onClear }: NothingProps) {
  const hasFilters = activeFilters(place).length > 0;
  const mayBeRevoked = place.search !== "" && place.state !== "REVOKED";
  return (
    <Empty>
      <p role="status">{reasonOf(place)}</p>
      {mayBeRevoked && (
        <button
          type="button"
          className="button"
          onClick={() => onPlace({ ...unfiltered(place), search: place.search, state: "REVOKED" })}
        >
          {text.searchRevoked}
        </button>
      )}
      <button type="button" className="button" onClick={onClear}>
        {hasFilters ? text.clearFilters : isFiltered(place) ? text.clearSearch : text.toFirstPage}
      </button>
    </Empty>
  );
}

function reasonOf(place: Place): string {
  if (activeFilters(place).length > 0) return text.nothingMeets;
  return place.search === "" ? text.pageEmpty : text.nothingFound(place.search);
}
