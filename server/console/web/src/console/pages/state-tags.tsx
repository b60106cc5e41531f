// The state of a token as tags, and how soon it ends.
import type { TokenState } from "../../../generated/operations.ts";
import { formats } from "../formats.ts";
import { Tag, type Tone } from "../parts/tag.tsx";
import { conditions as text } from "./strings.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const SOON_MS = 7 * DAY_MS;
const TONES: Record<TokenState, Tone> = {
  ACTIVE: "good",
  PAUSED: "notice",
  EXPIRED: "danger",
  REVOKED: "danger",
};

interface Props {
  token: { state: TokenState; expiresAt: string | null };
  /** Leaves out "Active", as in a list where most tokens are. */
  unusualOnly?: boolean;
}

export function StateTags({ token: { state, expiresAt }, unusualOnly = false }: Props) {
  const isLive = state === "ACTIVE" || state === "PAUSED";
  const end = isLive && expiresAt !== null ? nearEnd(Date.parse(expiresAt) - Date.now()) : undefined;
  return (
    <>
      {!(unusualOnly && state === "ACTIVE") && <Tag tone={TONES[state]}>{text.state[state]}</Tag>}
      {end !== undefined && <Tag tone="notice">{end}</Tag>}
    </>
  );
}

/** Undefined if the end is not near. */
function nearEnd(left: number): string | undefined {
  if (left > SOON_MS) return undefined;
  if (left >= DAY_MS) return text.endsIn(formats.count(Math.round(left / DAY_MS), text.days));
  if (left >= HOUR_MS) return text.endsIn(formats.count(Math.round(left / HOUR_MS), text.hours));
  return text.endsWithinTheHour;
}
