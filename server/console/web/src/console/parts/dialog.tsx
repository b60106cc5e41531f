// A modal dialog: the browser's own <dialog>, which keeps the focus and gives it back.
import "./dialog.css";
import {
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useId,
  useLayoutEffect,
  useRef,
} from "react";
import { shared } from "../strings.ts";
import { BusyButton } from "./busy-button.tsx";

interface Props {
  title: string;
  /** Escape, or a click outside: the owner closes the dialog, asks first, or does nothing. */
  onDismiss: () => void;
  /** A request is under way: its answer needs the dialog, so it cannot be dismissed. */
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
        // Browsers close a dialog on a second Escape, even if the first was prevented.
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

/** The buttons of a form: cancel, and submit, which sends only once at a time. */
export function FormActions({ submit, busyLabel, busy, onCancel }: FormActionsProps) {
  return (
    <DialogActions>
      <button type="button" className="button" disabled={busy} onClick={onCancel}>
        {shared.cancel}
      </button>
      <BusyButton type="submit" className="button primary" busy={busy}>
        {busy ? busyLabel : submit}
      </BusyButton>
    </DialogActions>
  );
}

function useShown(dialog: RefObject<HTMLDialogElement | null>): void {
  // A layout effect: opens before painting and closes before removal, so that the focus returns.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown === null) return;
    const before = document.activeElement;
    const show = (): void => {
      if (!shown.open) shown.showModal();
    };
    // If the browser closes the dialog itself, reopen it: only its owner may close it.
    shown.addEventListener("close", show);
    show();
    shown.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      shown.removeEventListener("close", show);
      shown.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      // The opener may be gone, such as a revoked row: then focus the page's heading.
      else document.querySelector<HTMLElement>("main h1")?.focus();
    };
  }, [dialog]);
}

function isOutside(event: MouseEvent): boolean {
  const box = event.currentTarget.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
