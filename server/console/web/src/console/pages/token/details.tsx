// A label and its value, within a list of them.
import "./details.css";
import type { ReactNode } from "react";

export function Detail({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
