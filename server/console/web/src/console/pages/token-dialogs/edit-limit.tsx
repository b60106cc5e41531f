// Changes a token's own limit of requests an hour.
import { SetTokenRateLimitDocument } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { LimitField, limitOf, NO_NUMBER } from "./limit-field.tsx";
import { limit as text } from "./strings.ts";

export function EditLimit(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      said={text.saved}
      draftOf={({ requestsPerHour }) => String(requestsPerHour ?? "")}
      current={{ label: text.label, of: ({ requestsPerHour }) => words.limit(requestsPerHour) }}
      send={async (typed, of) => {
        const requestsPerHour = limitOf(typed);
        if (requestsPerHour === undefined) return NO_NUMBER;
        const input = { ...of, requestsPerHour };
        return (await request(SetTokenRateLimitDocument, { input })).setTokenRateLimit;
      }}
    >
      {({ draft, setDraft, problemOf }) => (
        <LimitField typed={draft} problem={problemOf("requestsPerHour")} onChange={setDraft} />
      )}
    </ConditionDialog>
  );
}
