// A modal dialog: the browser's own <dialog>, which keeps the focus and gives it back.
import {
  type ComponentProps,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useId,
  useLayoutEffect,
  useRef,
} from "react";
import { strings } from "../../strings.ts";

interface Props {
  title: string;
  /** Escape, or a click outside: the owner closes the dialog, asks first, or does nothing. */
  onDismiss: () => void;
  /** What was asked for is on its way: its answer must find the dialog, so nothing dismisses it. */
  busy?: boolean;
  narrow?: boolean;
  children: ReactNode;
}

export function Dialog({ title, onDismiss, busy = false, narrow = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const dismiss = (): void => {
    if (!busy) onDismiss();
  };
  useShown(dialog);
  return (
    <dialog
      ref={dialog}
      className={narrow ? "dialog narrow" : "dialog"}
      aria-labelledby={heading}
      onKeyDown={(event) => {
        // Browsers close a dialog on a second Escape, whatever its owner says to the first.
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        event.stopPropagation();
        dismiss();
      }}
      onCancel={(event) => {
        event.preventDefault();
        if (event.target === dialog.current) dismiss();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current && isOutside(event)) dismiss();
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="dialog-actions">{children}</div>;
}

interface FormActionsProps {
  submit: string;
  busyLabel: string;
  busy: boolean;
  onCancel: () => void;
}

/** What ends a form: leaving it, and sending it, which happens once however often it is asked for. */
export function FormActions({ submit, busyLabel, busy, onCancel }: FormActionsProps) {
  return (
    <DialogActions>
      <button type="button" className="button" disabled={busy} onClick={onCancel}>
        {strings.console.cancel}
      </button>
      <BusyButton type="submit" className="button primary" busy={busy}>
        {busy ? busyLabel : submit}
      </BusyButton>
    </DialogActions>
  );
}

type BusyButtonProps = ComponentProps<"button"> & { busy: boolean };

/** Not `disabled` while busy: it would lose the focus, which is wanted again if it fails. */
export function BusyButton({ busy, onClick, ...button }: BusyButtonProps) {
  return (
    <button
      {...button}
      aria-disabled={busy || undefined}
      onClick={(event) => (busy ? event.preventDefault() : onClick?.(event))}
    />
  );
}

function useShown(dialog: RefObject<HTMLDialogElement | null>): void {
  // Before the page is painted, and undone before the dialog leaves it: so the focus can go back.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown === null) return;
    const before = document.activeElement;
    const show = (): void => {
      if (!shown.open) shown.showModal();
    };
    // Should a browser close it by itself, it comes back: only its owner takes it away.
    shown.addEventListener("close", show);
    show();
    shown.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      shown.removeEventListener("close", show);
      shown.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      // What opened it may be gone, as a row that was revoked: then the page's heading is next.
      else document.querySelector<HTMLElement>("main h1")?.focus();
    };
  }, [dialog]);
}

function isOutside(event: MouseEvent): boolean {
  const box = event.currentTarget.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
