// A notice that stands out from the page or form around it.
import "./note.css";
import type { ReactNode } from "react";

/** alert: screen readers announce it at once. */
export function Note({ alert = false, children }: { alert?: boolean; children: ReactNode }) {
  return (
    <div className="note" role={alert ? "alert" : undefined}>
      {children}
    </div>
  );
}
