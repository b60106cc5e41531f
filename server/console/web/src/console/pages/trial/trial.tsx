// A trial under way: what it would have denied so far, and how to enforce or drop it.
import "./trial.css";
import { useState } from "react";
import type { TokenTrialFragment, TrialUnderWayFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { ChangedPermissions } from "../../parts/permission-changes.tsx";
import { Denied } from "./denied.tsx";
import { DropTrial } from "./drop-trial.tsx";
import { EnforceTrial } from "./enforce-trial.tsx";
import { trial as text } from "./strings.ts";

const DAY_MS = 86_400_000;

export function Trial({ token }: { token: TokenTrialFragment }) {
  const { mayChange } = useViewer();
  // The token as it was when the dialog opened: the page goes on refreshing below it.
  const [ending, setEnding] = useState<{ how: "enforce" | "drop"; seen: TokenTrialFragment }>();
  const { trial } = token;
  const close = (): void => setEnding(undefined);
  return (
    <>
      {trial && (
        <section aria-labelledby="trial">
          <Note>
            <h2 id="trial">{text.title}</h2>
            <Progress trial={trial} />
            {mayChange && (
              <div className="trial-actions">
                <button
                  type="button"
                  className="button"
                  onClick={() => setEnding({ how: "drop", seen: token })}
                >
                  {text.drop}
                </button>
                <button
                  type="button"
                  className="button"
                  onClick={() => setEnding({ how: "enforce", seen: token })}
                >
                  {text.enforce}
                </button>
              </div>
            )}
          </Note>
        </section>
      )}
      {/* Outside the section: after the end of the trial, the focus goes to the heading. */}
      {ending?.how === "enforce" && <EnforceTrial token={ending.seen} onClose={close} />}
      {ending?.how === "drop" && <DropTrial token={ending.seen} onClose={close} />}
    </>
  );
}

function Progress({ trial }: { trial: TrialUnderWayFragment }) {
  const { withheld, byPermission, wouldHaveDenied, until } = trial;
  const days = Math.max(0, Math.ceil((Date.parse(until) - Date.now()) / DAY_MS));
  return (
    <>
      <div>
        <p>{text.lead(formats.count(withheld.length, text.permissions))}</p>
        <p>{text.until(formats.instant(until), formats.count(days, text.days))}</p>
        <Started trial={trial} />
      </div>
      {byPermission.length === 0 ? (
        <p>{text.none}</p>
      ) : (
        <div className="trial-denied">
          <p>{text.denied(formats.count(wouldHaveDenied, text.requests))}</p>
          <Denied rows={byPermission} />
        </div>
      )}
      <ChangedPermissions title={text.withheld} permissions={withheld} />
    </>
  );
}

function Started({ trial: { startedAt, startedBy } }: { trial: TrialUnderWayFragment }) {
  const at = formats.instant(startedAt);
  return (
    <p className="trial-started">
      {startedBy === null ? text.started(at) : text.startedBy(at, startedBy.name)}
    </p>
  );
}
