// The address whose page is shown: the browser's own, unless a page with unsaved changes keeps the
// user until they confirm. By the History API alone: not all browsers have the Navigation API.
import { useSyncExternalStore } from "react";

/** Keeps the user on the page while it is on; `ask` runs `leave` once they confirm. */
export interface Guard {
  isOn: () => boolean;
  ask: (leave: () => boolean | Promise<boolean>) => void;
}

interface Options {
  /** Replaces the history entry. Only the page that is shown does that, so no guard asks. */
  replace?: boolean;
}

const guards: Guard[] = [];
const listeners = new Set<() => void>();
let shown = { path: location.pathname, search: location.search };
/** The place of the shown page among the entries of this tab, which each entry's state holds. */
let place = placeOf(history.state) ?? 0;
history.replaceState({ place }, "");

/** The guard that asks, if any: the one that came last. */
export function activeGuard(): Guard | undefined {
  return guards.findLast((guard) => guard.isOn());
}

/** Returns the function that removes the guard. */
export function addGuard(guard: Guard): () => void {
  guards.push(guard);
  return () => void guards.splice(guards.indexOf(guard), 1);
}

/** The hook of wouter's `Router`, for the path. */
export function useAddress(): [string, (to: string, options?: Options) => void] {
  return [useSyncExternalStore(subscribe, () => shown.path), navigate];
}

/** The hook of wouter's `Router`, for the query. */
export function useQueryOfAddress(): string {
  return useSyncExternalStore(subscribe, () => shown.search);
}

function navigate(to: string, { replace = false }: Options = {}): void {
  const guard = activeGuard();
  if (guard === undefined || replace) go(to, replace);
  else guard.ask(() => go(to, replace));
}

function go(to: string, replace: boolean): true {
  if (!replace) place += 1;
  history[replace ? "replaceState" : "pushState"]({ place }, "", to);
  show();
  return true;
}

/** "Back" and "forward" cannot be prevented: the browser goes back at once, and the page stays. */
function onTraversal({ state }: PopStateEvent): void {
  const to = placeOf(state);
  if (to === undefined) {
    adoptEntry();
    return;
  }
  const steps = to - place;
  const isShown = location.pathname === shown.path && location.search === shown.search;
  const guard = isShown ? undefined : activeGuard();
  if (guard === undefined) {
    place = to;
    show();
    return;
  }
  history.go(-steps);
  guard.ask(() => {
    history.go(steps);
    return true;
  });
}

/** A link to a part of the page has made an entry, which has no place yet. */
function adoptEntry(): void {
  if (placeOf(history.state) !== undefined) return;
  place += 1;
  history.replaceState({ place }, "");
  show();
}

function show(): void {
  shown = { path: location.pathname, search: location.search };
  for (const listener of listeners) listener();
}

function placeOf(state: unknown): number | undefined {
  const { place: found } = Object(state) as { place?: unknown };
  return typeof found === "number" ? found : undefined;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

window.addEventListener("popstate", onTraversal);
window.addEventListener("hashchange", adoptEntry);
