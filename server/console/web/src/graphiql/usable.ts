// The schema, which the editor can do without, is loaded when the editor can be used.

let announce: () => void;

/** Resolves when the editor for operations accepts typing. */
export const usable = new Promise<void>((resolve) => {
  announce = resolve;
});

/** Announces, when it has been painted, that the editor accepts typing. */
export function editorIsThere(): void {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(announce)));
}
