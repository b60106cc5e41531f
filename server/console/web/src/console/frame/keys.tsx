// The keys of the console: "/" searches, "?" lists the keys. They can be switched off, since a single
// letter could be meant for other software, such as speech input (WCAG 2.1.4).
import "./keys.css";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { listAddress } from "../pages/list-place.ts";
import { Dialog, DialogActions } from "../parts/dialog.tsx";
import { keys as text } from "./strings.ts";

const STORED = "tessera-keys";
const OFF = "off";
const SEARCH = "main [role=search] input";
/** Frames in which the list of tokens must be there. */
const MAX_FRAMES = 120;
const TYPING = "input, textarea, select, [contenteditable]";

let show: (() => void) | undefined;

/** Lists the keys, as "?" does. */
export function showKeys(): void {
  show?.();
}

export function Keys() {
  const [isShown, setShown] = useState(false);
  const [isOn, setOn] = useState(() => localStorage.getItem(STORED) !== OFF);
  const [, go] = useLocation();
  useEffect(() => {
    show = () => setShown(true);
    return () => {
      show = undefined;
    };
  }, []);
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent): void => {
      if (!isFree(event)) return;
      if (event.key === "?") setShown(true);
      else if (event.key === "/") search(go);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [isOn, go]);
  function change(on: boolean): void {
    setOn(on);
    localStorage.setItem(STORED, on ? "on" : OFF);
  }
  if (!isShown) return null;
  return (
    <Dialog title={text.title} onDismiss={() => setShown(false)} narrow>
      <dl className="keys">
        {text.list.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={isOn} onChange={(event) => change(event.target.checked)} />
        <span>{text.use}</span>
      </label>
      <DialogActions>
        <button type="button" className="button" data-autofocus onClick={() => setShown(false)}>
          {text.close}
        </button>
      </DialogActions>
    </Dialog>
  );
}

/** Whether the key is for the page: not for a field, a dialog, or the browser. */
function isFree(event: KeyboardEvent): boolean {
  const { target, altKey, ctrlKey, metaKey, defaultPrevented } = event;
  if (altKey || ctrlKey || metaKey || defaultPrevented) return false;
  if (document.querySelector("dialog[open]") !== null) return false;
  return !(target instanceof Element && target.closest(TYPING) !== null && !isButton(target));
}

/** A checkbox takes no letters. */
function isButton(target: Element): boolean {
  return target instanceof HTMLInputElement && ["checkbox", "radio"].includes(target.type);
}

/** Focuses the search of the page, or else that of the list of tokens. */
function search(go: (address: string) => void): void {
  if (focusSearch()) return;
  go(listAddress());
  let frames = 0;
  const wait = (): void => {
    frames += 1;
    if (!focusSearch() && frames < MAX_FRAMES) requestAnimationFrame(wait);
  };
  requestAnimationFrame(wait);
}

function focusSearch(): boolean {
  const box = document.querySelector<HTMLInputElement>(SEARCH);
  box?.focus();
  box?.select();
  return box !== null;
}
