// A short mark beside a name, such as "Revoked".
import "./tag.css";
import type { ReactNode } from "react";

export type Tone = "plain" | "good" | "notice" | "danger";

export function Tag({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`tag ${tone}`}>{children}</span>;
}
