// Stands in place of a list that has no rows.
import "./empty.css";
import type { ReactNode } from "react";

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}
