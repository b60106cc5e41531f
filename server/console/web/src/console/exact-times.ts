// Whether times are shown exactly, with their zone, or in relation to now. The browser keeps it.
import { useSyncExternalStore } from "react";

const KEY = "tessera:exact-times";
const TICK_MS = 30_000;
const listeners = new Set<() => void>();
let exact = read();
let onPaper = false;
let now = Date.now();
let ticking: ReturnType<typeof setInterval> | undefined;

export function useExactTimes(): boolean {
  return useSyncExternalStore(subscribe, () => exact);
}

/** The present, to half a minute: what is shown in relation to it changes as time goes by. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** Whether the page is being printed: there, "5 minutes ago" would say nothing. */
export function useOnPaper(): boolean {
  return useSyncExternalStore(subscribe, () => onPaper);
}

export function setExactTimes(on: boolean): void {
  exact = on;
  try {
    localStorage.setItem(KEY, on ? "yes" : "no");
  } catch {
    // It holds until the page is left.
  }
  tell();
}

function read(): boolean {
  try {
    return localStorage.getItem(KEY) === "yes";
  } catch {
    return false;
  }
}

function setOnPaper(on: boolean): void {
  onPaper = on;
  tell();
}

function tell(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(tell, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

window.addEventListener("beforeprint", () => setOnPaper(true));
window.addEventListener("afterprint", () => setOnPaper(false));
matchMedia("print").addEventListener("change", ({ matches }) => setOnPaper(matches));
