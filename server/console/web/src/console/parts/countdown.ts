// A countdown in seconds: the number left, 0 when finished, and a function to start it.
import { useEffect, useState } from "react";
import { secondsUntil } from "../../session.ts";

const TICK_MS = 500;

export function useCountdown(): [number, (seconds: number) => void] {
  const [end, setEnd] = useState(0);
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (end === 0) return;
    const timer = setInterval(() => setLeft(secondsUntil(end)), TICK_MS);
    return () => clearInterval(timer);
  }, [end]);

  function begin(seconds: number): void {
    setEnd(Date.now() + seconds * 1000);
    setLeft(seconds);
  }
  return [left, begin];
}
