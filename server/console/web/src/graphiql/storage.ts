// Limits GraphiQL's storage in the browser: by default, everything stays in localStorage for good.
// Here, localStorage keeps only the appearance. Drafts last as long as the browser tab and belong to
// one account. Responses (one contains a token's secret) and headers are never stored.
import type { Storage as GraphiQLStorage } from "@graphiql/toolkit";

const PREFIX = "graphiql:";
const OWNER = `${PREFIX}owner`;
const APPEARANCE = ["theme", "visiblePlugin", "docExplorerFlex", "editorFlex", "secondaryEditorFlex"];
const EXAMPLE_TOKENS = "exampleTokens";
const DRAFTS = ["tabState", "query", "variables", "queries", "favorites", EXAMPLE_TOKENS];

function placeFor(key: string): Storage | undefined {
  const name = key.slice(PREFIX.length);
  if (APPEARANCE.includes(name)) return localStorage;
  if (DRAFTS.includes(name)) return sessionStorage;
  return undefined; // Headers, and keys that a later GraphiQL may add.
}

/** GraphiQL omits these itself; this protects against a version that does not. */
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

/** The ids of the tokens that examples made. */
export function readExampleTokens(): string[] {
  const kept = sessionStorage.getItem(PREFIX + EXAMPLE_TOKENS);
  return kept ? kept.split(" ") : [];
}

export function keepExampleTokens(ids: readonly string[]): void {
  sessionStorage.setItem(PREFIX + EXAMPLE_TOKENS, ids.join(" "));
}

/** Storage for `owner`. Deletes the drafts that another account left in this browser tab. */
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
