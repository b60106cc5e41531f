// Ends a rotation with one of its two secrets, after a confirmation that says who will fail.
import { useState } from "react";
import {
  EndRotationDocument,
  type RotationUnderWayFragment,
  type SecretKept,
  type TokenRotationFragment,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { endRotation } from "./strings.ts";
import { progressOf } from "./words.ts";

interface Props {
  token: TokenRotationFragment;
  rotation: RotationUnderWayFragment;
  keep: SecretKept;
  onClose: () => void;
}

export function EndRotation({ token, rotation, keep, onClose }: Props) {
  // After a conflict, the next attempt starts from the version that the message tells.
  const [revision, setRevision] = useState(token.revision);
  const text = endRotation[keep];

  async function end(): Promise<string> {
    const { endRotation: answer } = await request(EndRotationDocument, {
      input: { tokenId: token.id, keep, ifRevision: revision },
    });
    switch (answer.__typename) {
      case "EndRotationPayload":
        return text.done;
      case "RevisionConflict":
        setRevision(answer.token.revision);
        throw refused({ message: endRotation.changed(progressOf(answer.token.rotation)) });
      case "NotFound":
        throw refused({ message: shared.tokenGone });
      case "InvalidInput":
        throw refused(answer);
    }
  }

  return (
    <ConfirmChange
      title={text.title}
      confirm={text.confirm}
      busyLabel={text.busy}
      danger
      onConfirm={end}
      onClose={onClose}
    >
      <p>{text.lead(rotation.newHint, rotation.oldHint)}</p>
      {keep === "NEW" && rotation.state === "PENDING" && <p>{endRotation.unusedYet}</p>}
    </ConfirmChange>
  );
}
