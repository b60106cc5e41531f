// The focus where it would be lost: browsers give it to <body> when its element goes or is disabled,
// and a keyboard or a screen reader then starts at the top of the page.

/** Focuses the heading of what is shown: of the dialog on top, or else of the page. */
export function focusHeading(): void {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const main = document.querySelector<HTMLElement>("main");
  const heading = dialog?.querySelector<HTMLElement>("h2") ?? main?.querySelector<HTMLElement>("h1");
  const target = heading ?? main;
  if (!target) return;
  // Not in the markup: a dialog that opens would give it the focus before its first field.
  target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** Gives a lost focus to the heading from now on; returns the function that ends it. */
export function keepFocus(): () => void {
  let last: Element | null = null;
  const remember = (event: FocusEvent): void => {
    last = event.target instanceof Element ? event.target : null;
  };
  const isLost = (): boolean => {
    const { activeElement } = document;
    if (last === null || (activeElement !== document.body && activeElement !== last)) return false;
    return !last.isConnected || last.matches(":disabled");
  };
  const changes = new MutationObserver(() => {
    // One task later: the code that changed the page may give the focus to a better place.
    if (isLost()) setTimeout(() => isLost() && focusHeading());
  });
  document.addEventListener("focusin", remember);
  const watched = { childList: true, subtree: true, attributeFilter: ["disabled"] };
  changes.observe(document.body, watched);
  return () => {
    document.removeEventListener("focusin", remember);
    changes.disconnect();
  };
}
