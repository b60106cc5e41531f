// A transient status line at the bottom, such as `useSay()("Saved.")`.
import "./status.css";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

const SHOWN_MS = 6000;
const Say = createContext<(message: string) => void>(() => {});

export function useSay(): (message: string) => void {
  return useContext(Say);
}

export function StatusLine({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ message: string }>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Say value={(message) => setSaid({ message })}>
      {children}
      <div className="status-line" role="status">
        {said && <p>{said.message}</p>}
      </div>
    </Say>
  );
}
