// A short mark beside a name, such as "Revoked".
import "./tag.css";
import type { ReactNode } from "react";

export function Tag({ danger = false, children }: { danger?: boolean; children: ReactNode }) {
  return <span className={danger ? "tag danger" : "tag"}>{children}</span>;
}
