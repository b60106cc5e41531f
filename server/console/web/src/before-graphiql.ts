// The page of the console that this browser tab showed before GraphiQL, to lead back to it.
import { href, isBelowBase } from "./base.ts";

const KEY = "tessera:before-graphiql";

export function rememberPlace(address: string): void {
  try {
    sessionStorage.setItem(KEY, address);
  } catch {
    // GraphiQL leads back to the console's first page.
  }
}

export function forgetPlace(): void {
  sessionStorage.removeItem(KEY);
}

/** The address of that page, on this server; the console's first page if there was none. */
export function placeBefore(): string {
  const address = sessionStorage.getItem(KEY) ?? "";
  return /^\/(?![\/\\])/.test(address) && isBelowBase(address) ? address : href("/");
}
