// The selected rows of the page that is shown, or all tokens that meet the filters.
import { useState } from "react";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import type { Place } from "../../api/token-filter.ts";

export interface Selection {
  /** The ids of the selected rows. */
  ids: ReadonlySet<string>;
  /** Whether all that meet the filters are selected, those of other pages too. */
  isOfAll: boolean;
  /** Undefined while the rows of this place are not known: none can be selected. */
  toggle: ((ids: readonly string[], on: boolean) => void) | undefined;
  selectAll: () => void;
  clear: () => void;
}

/**
 * Starts anew on another page, and with another filter or order. Forgets rows that are gone.
 * `rows`: undefined while those of this place are not known.
 */
export function useSelection(
  place: Place,
  rows: readonly TokenRowFragment[] | undefined,
): Selection {
  const at = JSON.stringify(place);
  const [state, setState] = useState<State>({ at, ids: new Set(), isOfAll: false });
  // Also on coming back: only what was just selected is revoked.
  if (state.at !== at) setState({ at, ...NOTHING });
  const { ids, isOfAll } = state.at === at ? state : NOTHING;
  const known = (rows ?? []).map(({ id }) => id);
  const selected = known.filter((id) => isOfAll || ids.has(id));
  return {
    ids: new Set(selected),
    isOfAll: isOfAll && known.length > 0,
    toggle: rows && ((changed, on) => {
      const after = new Set(selected);
      for (const id of changed) on ? after.add(id) : after.delete(id);
      setState({ at, ids: after, isOfAll: false });
    }),
    selectAll: () => setState({ at, ids: new Set(), isOfAll: true }),
    clear: () => setState({ at, ids: new Set(), isOfAll: false }),
  };
}

interface State {
  /** The place that they were selected at. */
  at: string;
  ids: ReadonlySet<string>;
  isOfAll: boolean;
}

const NOTHING = { ids: new Set<string>(), isOfAll: false };
