// One Tab stop for a group of controls, among which the arrow keys move (a roving tabindex).
import { type FocusEvent, type KeyboardEvent, type RefObject, useLayoutEffect, useRef } from "react";

const CONTROLS = "[data-roving]";
/** The controls of one row are before and after each other, those of rows above and below. */
const ROWS = "[data-roving-row]";

interface Roving<Element extends HTMLElement> {
  ref: RefObject<Element | null>;
  onFocus: (event: FocusEvent) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Each control has `data-roving`, and `tabIndex={-1}`: the group gives one of them its stop. */
export function useRoving<Element extends HTMLElement>(): Roving<Element> {
  const ref = useRef<Element>(null);
  useLayoutEffect(() => {
    const group = ref.current;
    if (group === null || group.querySelector(`${CONTROLS}[tabindex="0"]`) !== null) return;
    const first = group.querySelector<HTMLElement>(CONTROLS);
    if (first !== null) first.tabIndex = 0;
  });
  return {
    ref,
    onFocus: ({ target }) => {
      const isControl = target instanceof HTMLElement && target.matches(CONTROLS);
      if (ref.current !== null && isControl) giveStop(ref.current, target);
    },
    onKeyDown: (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || ref.current === null) return;
      const next = neighbour(ref.current, event.target as HTMLElement, event.key);
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
    },
  };
}

function giveStop(group: HTMLElement, target: HTMLElement): void {
  for (const one of group.querySelectorAll<HTMLElement>(`${CONTROLS}[tabindex="0"]`)) {
    one.tabIndex = -1;
  }
  target.tabIndex = 0;
}

function neighbour(group: HTMLElement, from: HTMLElement, key: string): HTMLElement | undefined {
  const all = [...group.querySelectorAll<HTMLElement>(CONTROLS)];
  const place = all.indexOf(from);
  if (place < 0) return undefined;
  switch (key) {
    case "ArrowRight":
      return all[place + 1];
    case "ArrowLeft":
      return all[place - 1];
    case "ArrowDown":
      return all.slice(place + 1).find((one) => !isInRowOf(from, one)) ?? undefined;
    case "ArrowUp":
      return firstOfRow(all, all.slice(0, place).findLast((one) => !isInRowOf(from, one)));
    case "Home":
      return all[0];
    case "End":
      return all.at(-1);
    default:
      return undefined;
  }
}

function isInRowOf(one: HTMLElement, other: HTMLElement): boolean {
  const row = one.closest(ROWS);
  return row !== null && row === other.closest(ROWS);
}

function firstOfRow(all: HTMLElement[], one: HTMLElement | undefined): HTMLElement | undefined {
  return one && all.find((other) => other === one || isInRowOf(one, other));
}
