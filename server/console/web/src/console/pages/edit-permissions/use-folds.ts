// Which categories of the grid are open.
import { useState } from "react";
import type { Categories } from "./selection.ts";

/** With more permissions than this, categories are folded until they are opened. */
const MAX_OPEN = 300;

interface Folds {
  isOpen: (category: string) => boolean;
  open: (category: string, open: boolean) => void;
  /** Whether all shown ones are folded. */
  isFolded: boolean;
  foldAll: (folded: boolean) => void;
}

/** visible: the shown categories: few permissions that a search finds are open. */
export function useFolds(visible: Categories): Folds {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const count = visible.reduce((sum, { permissions }) => sum + permissions.length, 0);
  const isOpen = (category: string): boolean => chosen.get(category) ?? count <= MAX_OPEN;
  return {
    isOpen,
    open: (category, open) => setChosen(new Map(chosen).set(category, open)),
    isFolded: visible.every(({ name }) => !isOpen(name)),
    foldAll: (folded) =>
      setChosen(new Map([...chosen, ...visible.map(({ name }) => [name, !folded] as const)])),
  };
}
