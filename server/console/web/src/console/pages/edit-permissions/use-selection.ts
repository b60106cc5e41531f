// The state of the grid: the selected permissions, and the version of the token they started from.
import { useCallback, useMemo, useState } from "react";
import type {
  ShownRecipeFragment,
  TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { keysOfRecipe } from "./recipes.ts";
import {
  type Categories,
  type Change,
  changeOf,
  type Following,
  followingOf,
  keysOf,
  known,
  withRetired,
} from "./selection.ts";

interface Selection {
  /** The version that the selection started from; refetching must not change it. */
  base: TokenDetailsFragment;
  selected: ReadonlySet<string>;
  /** All categories, with one for retired permissions that the token holds. */
  everything: Categories;
  change: Change;
  /** The names of the categories that the token follows. */
  follows: ReadonlySet<string>;
  following: Following;
  follow: (category: string, on: boolean) => void;
  select: (keys: ReadonlySet<string>) => void;
  toggle: (keys: readonly string[], on: boolean) => void;
  /** Continues from another version of the token, with this selection. */
  startFrom: (current: TokenDetailsFragment, selection: ReadonlySet<string>) => void;
}

/**
 * recipe: the one that a link asks for, whose permissions are selected besides. initial: the keys that
 * are selected at first, instead of those that the token holds.
 */
export function useSelection(
  token: TokenDetailsFragment,
  categories: Categories,
  recipe: ShownRecipeFragment | undefined,
  initial?: ReadonlySet<string>,
): Selection {
  const [base, setBase] = useState(token);
  const [selected, setSelected] = useState<ReadonlySet<string>>(
    () => new Set([...(initial ?? keysOf(token)), ...(recipe ? keysOfRecipe(recipe) : [])]),
  );
  const [follows, setFollows] = useState<ReadonlySet<string>>(
    () => new Set(token.followedCategories),
  );
  const everything = useMemo(() => withRetired(categories, base), [categories, base]);
  // The same function each time, so that rows that did not change are not drawn again.
  const toggle = useCallback((keys: readonly string[], on: boolean) => {
    setSelected((before) => {
      const after = new Set(before);
      for (const key of keys) on ? after.add(key) : after.delete(key);
      return after;
    });
  }, []);
  function follow(category: string, on: boolean): void {
    const after = new Set(follows);
    on ? after.add(category) : after.delete(category);
    setFollows(after);
  }
  return {
    base,
    selected,
    everything,
    change: changeOf(everything, keysOf(base), selected),
    follows,
    following: followingOf(base.followedCategories, follows, everything, selected),
    follow,
    select: (keys) => setSelected(known(everything, keys)),
    toggle,
    startFrom: (current, selection) => {
      setBase(current);
      setSelected(known(withRetired(categories, current), selection));
    },
  };
}
