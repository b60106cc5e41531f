// A menu of choices behind a button. The browser's own popover opens beside the button, closes on
// Escape or a click elsewhere, and gives the focus back.
import "./menu.css";
import { type ReactNode, useId, useRef } from "react";

export interface Choice {
  label: string;
  onChoose: () => void;
  danger?: boolean;
}

interface Props {
  /** The button's accessible name, if `children` contain no text. */
  label?: string;
  className: string;
  choices: readonly Choice[];
  /** Shown above the choices. */
  head?: ReactNode;
  children: ReactNode;
}

export function Menu({ label, className, choices, head, children }: Props) {
  const popover = useRef<HTMLDivElement>(null);
  const id = useId();
  return (
    <>
      <button type="button" className={className} aria-label={label} popoverTarget={id}>
        {children}
      </button>
      <div ref={popover} id={id} popover="auto" className="menu">
        {head}
        <ul>
          {choices.map((choice) => (
            <li key={choice.label}>
              <button
                type="button"
                className={choice.danger ? "menu-item danger" : "menu-item"}
                onClick={() => {
                  // Close first, so that a dialog finds the focus on the button and returns it there.
                  popover.current?.hidePopover();
                  choice.onChoose();
                }}
              >
                {choice.label}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}
