// The elements of a page that is not drawn by React.

/** The element that `selector` finds. Throws if the page has none of this kind. */
export function element<E extends HTMLElement>(selector: string, kind: new () => E): E {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`${location.pathname} has no ${selector}`);
  return found;
}
