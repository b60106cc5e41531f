// The short name of the organisation that was signed in to last, which the browser keeps.

import { base } from "./base.ts";

// All servers of an origin share its storage.
const KEY = `tessera:tenant${base}`;

/** Empty where there is none, or where the browser keeps nothing. */
export function rememberedTenant(): string {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function rememberTenant(slug: string): void {
  try {
    localStorage.setItem(KEY, slug);
  } catch {
    // The next sign-in asks for it again.
  }
}
