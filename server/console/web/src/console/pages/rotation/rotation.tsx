// A rotation under way: how far it is, who still uses the old secret, and how to end it.
import "./rotation.css";
import { useState } from "react";
import type {
  RotationUnderWayFragment,
  SecretKept,
  TokenRotationFragment,
} from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { EndRotation } from "./end-rotation.tsx";
import { OldCallers } from "./old-callers.tsx";
import { rotation as text } from "./strings.ts";
import { useAnnouncement } from "./use-announcement.ts";
import { progress } from "./words.ts";

export function Rotation({ token }: { token: TokenRotationFragment }) {
  const { mayChange } = useViewer();
  // The token as it was when the dialog opened: the page goes on refreshing below it.
  const [ending, setEnding] = useState<{ keep: SecretKept; seen: TokenRotationFragment }>();
  const { rotation } = token;
  useAnnouncement(rotation);
  return (
    <>
      {rotation && (
        <section aria-labelledby="rotation">
          <Note>
            <h2 id="rotation">{text.title}</h2>
            <div>
              <p>{progress(rotation)}</p>
              <Started rotation={rotation} />
            </div>
            <OldCallers rotation={rotation} />
            {mayChange && (
              <Actions
                state={rotation.state}
                onEnd={(keep) => setEnding({ keep, seen: token })}
              />
            )}
          </Note>
        </section>
      )}
      {/* Outside the section: after the end of the rotation, the focus goes to the heading. */}
      {ending?.seen.rotation && (
        <EndRotation
          token={ending.seen}
          rotation={ending.seen.rotation}
          keep={ending.keep}
          onClose={() => setEnding(undefined)}
        />
      )}
    </>
  );
}

function Started({ rotation: { startedAt, startedBy } }: { rotation: RotationUnderWayFragment }) {
  const at = formats.instant(startedAt);
  return (
    <p className="rotation-started">
      {startedBy === null ? text.started(at) : text.startedBy(at, startedBy.name)}
    </p>
  );
}

interface ActionsProps {
  state: RotationUnderWayFragment["state"];
  onEnd: (keep: SecretKept) => void;
}

/** Once the new secret was used, it cannot be taken back. */
function Actions({ state, onEnd }: ActionsProps) {
  return (
    <div className="rotation-actions">
      {state === "PENDING" && (
        <button type="button" className="button" onClick={() => onEnd("OLD")}>
          {text.cancel}
        </button>
      )}
      <button type="button" className="button" onClick={() => onEnd("NEW")}>
        {text.endOld}
      </button>
    </div>
  );
}
