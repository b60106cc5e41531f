// Drops a trial, after a confirmation.
import { useState } from "react";
import { DropTrialDocument, type TokenTrialFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { dropTrial as text } from "./strings.ts";

interface Props {
  token: TokenTrialFragment;
  onClose: () => void;
}

export function DropTrial({ token, onClose }: Props) {
  // After a conflict, the next attempt starts from the version that the message tells of.
  const [revision, setRevision] = useState(token.revision);

  async function drop(): Promise<string> {
    const { dropTrial: answer } = await request(DropTrialDocument, {
      input: { tokenId: token.id, ifRevision: revision },
    });
    switch (answer.__typename) {
      case "DropTrialPayload":
        return text.done;
      case "RevisionConflict":
        setRevision(answer.token.revision);
        throw refused({ message: text.changed });
      case "NotFound":
        throw refused({ message: shared.tokenGone });
    }
  }

  return (
    <ConfirmChange
      title={text.title(token.name)}
      confirm={text.confirm}
      busyLabel={text.busy}
      onConfirm={drop}
      onClose={onClose}
    >
      <p>{text.lead}</p>
    </ConfirmChange>
  );
}
