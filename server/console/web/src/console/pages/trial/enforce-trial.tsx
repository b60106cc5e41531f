// Enforces a trial, after a confirmation that says what stops.
import "./trial.css";
import { useState } from "react";
import { EnforceTrialDocument, type TokenTrialFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { ChangedPermissions } from "../../parts/permission-changes.tsx";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { DeniedList } from "./denied.tsx";
import { enforceTrial as text, trial as words } from "./strings.ts";

interface Props {
  token: TokenTrialFragment;
  onClose: () => void;
}

export function EnforceTrial({ token, onClose }: Props) {
  // After a conflict, the next attempt starts from the version that the dialog shows.
  const [base, setBase] = useState(token);
  const { trial } = base;

  async function enforce(): Promise<string> {
    const { enforceTrial: answer } = await request(EnforceTrialDocument, {
      input: { tokenId: base.id, ifRevision: base.revision },
    });
    switch (answer.__typename) {
      case "EnforceTrialPayload":
        return text.done;
      case "RevisionConflict":
        setBase(answer.token);
        throw refused({ message: answer.token.trial === null ? words.over : text.changed });
      case "NotFound":
        throw refused({ message: shared.tokenGone });
      case "InvalidInput":
        throw refused(answer);
    }
  }

  return (
    <ConfirmChange
      title={text.title(base.name)}
      confirm={text.confirm}
      busyLabel={text.busy}
      danger
      ready={trial !== null}
      onConfirm={enforce}
      onClose={onClose}
    >
      {trial === null ? (
        <p>{words.over}</p>
      ) : (
        <>
          <p>{text.lead(formats.count(trial.withheld.length, words.permissions))}</p>
          <ChangedPermissions title={words.withheld} permissions={trial.withheld} />
          {trial.byPermission.length === 0 ? (
            <p>{text.nothingStops}</p>
          ) : (
            <div className="trial-denied">
              <p>{text.stops(formats.count(trial.wouldHaveDenied, words.requests))}</p>
              <DeniedList rows={trial.byPermission} />
            </div>
          )}
        </>
      )}
    </ConfirmChange>
  );
}
