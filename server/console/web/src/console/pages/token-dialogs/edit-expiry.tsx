// Changes the instant from which a token is refused.
import { SetTokenExpiryDocument, type TokenConditionsFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { type Expiry, ExpiryField, inDays, NEVER, NO_DATE } from "./expiry-field.tsx";
import { fields, expiry as text } from "./strings.ts";

export function EditExpiry(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      said={text.saved}
      draftOf={draftOf}
      current={{ label: fields.expires, of: ({ expiresAt }) => words.expiry(expiresAt) }}
      send={async (expiry, of) => {
        if (expiry.at === undefined) return NO_DATE;
        const input = { ...of, expiresAt: expiry.at };
        return (await request(SetTokenExpiryDocument, { input })).setTokenExpiry;
      }}
    >
      {({ base, draft, setDraft, problemOf }) => (
        <ExpiryField
          expiry={draft}
          present={presentOf(base)}
          problem={problemOf("expiresAt")}
          onChange={setDraft}
        />
      )}
    </ConditionDialog>
  );
}

/** An expired token cannot keep its expiry. */
function presentOf({ state, expiresAt }: TokenConditionsFragment): string | undefined {
  return state === "EXPIRED" || expiresAt === null ? undefined : expiresAt;
}

function draftOf(token: TokenConditionsFragment): Expiry {
  if (token.expiresAt === null) return NEVER;
  const present = presentOf(token);
  return present === undefined ? inDays("30") : { choice: "unchanged", date: "", at: present };
}
