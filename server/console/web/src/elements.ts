// The elements of a page that is not drawn by React, and a password that can be looked at.
import { keepsSessions } from "./secure-address.ts";
import { password as text } from "./strings.ts";

/** The element that `selector` finds. Throws where the page has none of this kind. */
export function element<E extends HTMLElement>(selector: string, kind: new () => E): E {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`${location.pathname} has no ${selector}`);
  return found;
}

/** Says on the page, where it is so, that browsers do not keep a session at this address. */
export function warnOfInsecureAddress(): void {
  element("#insecure", HTMLParagraphElement).hidden = keepsSessions(location);
}

export function showPassword(input: HTMLInputElement, button: HTMLButtonElement, shown: boolean): void {
  input.type = shown ? "text" : "password";
  button.textContent = shown ? text.hide : text.show;
  button.setAttribute("aria-label", shown ? text.hidePassword : text.showPassword);
}
