// Changes the instant from which a token is refused.
import { SetTokenExpiryDocument, type TokenConditionsFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { useViewer } from "../../api/viewer.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { chosen, type Expiry, inDays, type Lifetimes, NO_DATE, usualExpiry } from "./expiry.ts";
import { ExpiryField } from "./expiry-field.tsx";
import { fields, expiry as text } from "./strings.ts";

const DAYS_AFTER_EXPIRY = 30;

export function EditExpiry(props: ConditionProps) {
  const { tokenPolicy } = useViewer().tenant;
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      said={text.saved}
      draftOf={(token) => draftOf(token, tokenPolicy)}
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

function draftOf(token: TokenConditionsFragment, policy: Lifetimes): Expiry {
  const { maximumLifetimeDays: most } = policy;
  if (token.expiresAt === null) {
    return most === null ? chosen("never", null, policy) : usualExpiry(policy);
  }
  const present = presentOf(token);
  return present === undefined
    ? inDays(Math.min(DAYS_AFTER_EXPIRY, most ?? DAYS_AFTER_EXPIRY), policy)
    : chosen("unchanged", present, policy);
}
