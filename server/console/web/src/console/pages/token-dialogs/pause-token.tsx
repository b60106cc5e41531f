// Pauses a token, or resumes a paused one, after a confirmation.
import { PauseTokenDocument, ResumeTokenDocument } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { pause as text } from "./strings.ts";

const NOTHING_TO_EDIT = {
  draftOf: () => undefined,
  current: { label: text.state, of: words.state },
};

export function PauseToken(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      {...NOTHING_TO_EDIT}
      title={text.title(props.token.name)}
      lead={text.lead}
      submit={text.confirm}
      busyLabel={text.pausing}
      said={text.paused(props.token.name)}
      send={async (_, input) => (await request(PauseTokenDocument, { input })).pauseToken}
    />
  );
}

export function ResumeToken(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      {...NOTHING_TO_EDIT}
      title={text.resumeTitle(props.token.name)}
      lead={props.token.state === "EXPIRED" ? text.resumeExpiredLead : text.resumeLead}
      submit={text.resume}
      busyLabel={text.resuming}
      said={text.resumed(props.token.name)}
      send={async (_, input) => (await request(ResumeTokenDocument, { input })).resumeToken}
    />
  );
}
