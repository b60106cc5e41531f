// The state of a token as a tag, and how soon it ends.
import type { TokenState } from "../../../generated/operations.ts";
import { formats } from "../formats.ts";
import { Tag, type Tone } from "../parts/tag.tsx";
import { conditions as text } from "./strings.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const VERY_SOON_MS = 7 * DAY_MS;
const SOON_MS = 30 * DAY_MS;
const TONES: Record<TokenState, Tone> = {
  ACTIVE: "good",
  PAUSED: "notice",
  EXPIRED: "danger",
  REVOKED: "danger",
};

interface Props {
  token: { state: TokenState; expiresAt: string | null };
}

export function StateTags({ token }: Props) {
  return (
    <>
      <StateTag token={token} />
      <EndTag token={token} />
    </>
  );
}

export function StateTag({ token: { state } }: Props) {
  return <Tag tone={TONES[state]}>{text.state[state]}</Tag>;
}

/** Shows nothing unless the token ends soon. */
export function EndTag({ token: { state, expiresAt } }: Props) {
  const isLive = state === "ACTIVE" || state === "PAUSED";
  const left = isLive && expiresAt !== null ? Date.parse(expiresAt) - Date.now() : SOON_MS + 1;
  if (left > SOON_MS) return null;
  return <Tag tone={left > VERY_SOON_MS ? "notice" : "danger"}>{inWords(left)}</Tag>;
}

function inWords(left: number): string {
  if (left >= DAY_MS) return text.endsIn(formats.count(Math.round(left / DAY_MS), text.days));
  if (left >= HOUR_MS) return text.endsIn(formats.count(Math.round(left / HOUR_MS), text.hours));
  return text.endsWithinTheHour;
}
