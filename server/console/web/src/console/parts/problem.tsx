// A sentence that says what is wrong, announced at once.
import "./problem.css";
import type { ReactNode } from "react";

export function Problem({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p className="problem" id={id} role="alert">
      {children}
    </p>
  );
}
