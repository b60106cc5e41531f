// The reason for which a paused or expired token is refused, and the way out.
import type { TokenConditionsFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { conditions as text } from "./strings.ts";

export function RefusedNote({ token }: { token: TokenConditionsFragment }) {
  const { mayChange } = useViewer();
  const { state, expiresAt, pausedAt } = token;
  if (state === "PAUSED" && pausedAt !== null) {
    return (
      <Note>
        <p>
          {text.paused(formats.instant(pausedAt))} {mayChange ? text.toResume : text.toResumeAuditor}
        </p>
      </Note>
    );
  }
  if (state === "EXPIRED" && expiresAt !== null) {
    return (
      <Note>
        <p>
          {text.expired(formats.instant(expiresAt))}{" "}
          {mayChange ? text.toRevive : text.toReviveAuditor} {pausedAt !== null && text.alsoPaused}
        </p>
      </Note>
    );
  }
  return null;
}
