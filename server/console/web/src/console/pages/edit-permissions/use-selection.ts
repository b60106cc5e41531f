// The state of the grid: the selected permissions, and the version of the token they started from.
import { useCallback, useMemo, useState } from "react";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { type Categories, type Change, changeOf, keysOf, known, withRetired } from "./selection.ts";

interface Selection {
  /** The version that the selection started from; refetching must not change it. */
  base: TokenDetailsFragment;
  selected: ReadonlySet<string>;
  /** All categories, with one for retired permissions that the token holds. */
  everything: Categories;
  change: Change;
  select: (keys: ReadonlySet<string>) => void;
  toggle: (keys: readonly string[], on: boolean) => void;
  /** Continues from another version of the token, with this selection. */
  startFrom: (current: TokenDetailsFragment, selection: ReadonlySet<string>) => void;
}

export function useSelection(token: TokenDetailsFragment, categories: Categories): Selection {
  const [base, setBase] = useState(token);
  const [selected, setSelected] = useState<ReadonlySet<string>>(() => keysOf(token));
  const everything = useMemo(() => withRetired(categories, base), [categories, base]);
  // The same function each time, so that rows that did not change are not drawn again.
  const toggle = useCallback((keys: readonly string[], on: boolean) => {
    setSelected((before) => {
      const after = new Set(before);
      for (const key of keys) on ? after.add(key) : after.delete(key);
      return after;
    });
  }, []);
  return {
    base,
    selected,
    everything,
    change: changeOf(everything, keysOf(base), selected),
    select: (keys) => setSelected(known(everything, keys)),
    toggle,
    startFrom: (current, selection) => {
      setBase(current);
      setSelected(known(withRetired(categories, current), selection));
    },
  };
}
