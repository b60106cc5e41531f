// A modal window: the browser's own <dialog>, which keeps the focus and gives it back.
import "./dialog.css";
import {
  type FormEvent,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useId,
  useLayoutEffect,
  useRef,
} from "react";
import { focusHeading } from "../focus.ts";

interface Props {
  title: string;
  /** Escape, or a click outside: the owner closes the window, asks first, or does nothing. */
  onDismiss: () => void;
  /** An input within it has changed. */
  onInput?: (event: FormEvent) => void;
  narrow?: boolean;
  /** For a table of several columns. */
  wide?: boolean;
  children: ReactNode;
}

export function Modal(props: Props) {
  const { title, onDismiss, onInput, narrow = false, wide = false, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useShown(dialog);
  return (
    <dialog
      ref={dialog}
      className={`dialog${narrow ? " narrow" : ""}${wide ? " wide" : ""}`}
      aria-labelledby={heading}
      onInput={onInput}
      onKeyDown={(event) => {
        // Browsers close a dialog on a second Escape, even if the first was prevented.
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        event.stopPropagation();
        onDismiss();
      }}
      onCancel={(event) => {
        event.preventDefault();
        if (event.target === dialog.current) onDismiss();
      }}
      onMouseDown={(event) => {
        if (event.target !== dialog.current || !isOutside(event)) return;
        event.preventDefault(); // The focus stays in the field.
        onDismiss();
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
      // The opener may be gone, such as a revoked row. Safari focuses no button that is clicked.
      const isThere = before instanceof HTMLElement && before.isConnected;
      if (isThere && before !== document.body) before.focus();
      else focusHeading();
    };
  }, [dialog]);
}

function isOutside(event: MouseEvent): boolean {
  const box = event.currentTarget.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
