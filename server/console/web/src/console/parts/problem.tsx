// An error sentence, announced at once by screen readers.
import "./problem.css";
import type { ReactNode } from "react";

export function Problem({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p className="problem" id={id} role="alert">
      {children}
    </p>
  );
}
