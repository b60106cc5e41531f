// What GraphiQL may keep in the browser. By default it keeps everything in localStorage, for good.
// Here: how it looks stays in localStorage; what somebody wrote lasts as long as the browser tab
// and is theirs alone; responses (one holds a token's secret) and headers are never kept.
import type { Storage as GraphiQLStorage } from "@graphiql/toolkit";

const PREFIX = "graphiql:";
const OWNER = `${PREFIX}owner`;
const APPEARANCE = ["theme", "visiblePlugin", "docExplorerFlex", "editorFlex", "secondaryEditorFlex"];
const DRAFTS = ["tabState", "query", "variables", "queries", "favorites"];

function placeFor(key: string): Storage | undefined {
  const name = key.slice(PREFIX.length);
  if (APPEARANCE.includes(name)) return localStorage;
  if (DRAFTS.includes(name)) return sessionStorage;
  return undefined; // Headers, and whatever a later GraphiQL comes to keep.
}

/** GraphiQL leaves these out itself; this holds even should it stop doing so. */
function withoutResponses(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), (key, part: unknown) =>
      key === "response" || key === "headers" ? null : part,
    );
  } catch {
    return value; // A query's plain text.
  }
}

export function clearDrafts(): void {
  for (const name of DRAFTS) sessionStorage.removeItem(PREFIX + name);
  sessionStorage.removeItem(OWNER);
}

/** Storage for `owner`; what another person wrote in this browser tab is forgotten. */
export function createStorage(owner: string): GraphiQLStorage {
  if (sessionStorage.getItem(OWNER) !== owner) clearDrafts();
  sessionStorage.setItem(OWNER, owner);
  return {
    getItem: (key) => placeFor(key)?.getItem(key) ?? null,
    setItem: (key, value) => placeFor(key)?.setItem(key, withoutResponses(value)),
    removeItem: (key) => placeFor(key)?.removeItem(key),
    clear() {
      clearDrafts();
      for (const name of APPEARANCE) localStorage.removeItem(PREFIX + name);
      sessionStorage.setItem(OWNER, owner);
    },
    get length() {
      return sessionStorage.length;
    },
  };
}
