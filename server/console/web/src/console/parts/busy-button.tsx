// A button that does nothing while its action runs.
import type { ComponentProps } from "react";

type Props = ComponentProps<"button"> & { busy: boolean };

/** Not `disabled` while busy: it would lose the focus, which is needed after a failure. */
export function BusyButton({ busy, onClick, ...button }: Props) {
  return (
    <button
      {...button}
      aria-disabled={busy || undefined}
      onClick={(event) => (busy ? event.preventDefault() : onClick?.(event))}
    />
  );
}
