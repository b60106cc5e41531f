// The policy as the form has it: typed texts, which may be no numbers yet.
import type { ShownPolicyFragment, TokenPolicyInput } from "../../../../generated/operations.ts";
import type { FieldProblem } from "../../parts/use-form.ts";
import { networksOf } from "../token-dialogs/networks-field.tsx";
import { form as text } from "./strings.ts";

const NOTICE_DAYS = 14;
const MAX_NOTICE_DAYS = 365;

export interface Draft {
  maximum: string;
  defaultLifetime: string;
  pauseUnused: string;
  networks: string;
  /** A date, as its input has it. */
  from: string;
}

/** A policy to preview, and from when it binds tokens that exist. */
export interface Wanted {
  policy: TokenPolicyInput;
  effectiveFrom: string;
}

export function draftOf(policy: ShownPolicyFragment): Draft {
  return {
    maximum: String(policy.maximumLifetimeDays ?? ""),
    defaultLifetime: String(policy.defaultLifetimeDays ?? ""),
    pauseUnused: String(policy.pauseUnusedAfterDays ?? ""),
    networks: policy.networks.join("\n"),
    from: dateIn(NOTICE_DAYS),
  };
}

/** The days that can be chosen: the server takes no instant that has passed. */
export const range = () => ({ min: dateIn(1), max: dateIn(MAX_NOTICE_DAYS) });

/** The policy that is typed, or the first field that holds none. */
export function wantedOf(draft: Draft): Wanted | FieldProblem {
  const typed = {
    maximumLifetimeDays: daysOf(draft.maximum),
    defaultLifetimeDays: daysOf(draft.defaultLifetime),
    pauseUnusedAfterDays: daysOf(draft.pauseUnused),
  };
  for (const [field, days] of Object.entries(typed)) {
    if (days === undefined) return { field, message: text.chooseDays };
  }
  const from = new Date(`${draft.from}T00:00`);
  if (Number.isNaN(from.getTime())) return { field: "effectiveFrom", message: text.chooseDate };
  const policy = { ...(typed as Required<TokenPolicyInput>), networks: networksOf(draft.networks) };
  return { policy, effectiveFrom: from.toISOString() };
}

/** Null for none; undefined where the text is no number. The server knows which numbers are days. */
function daysOf(typed: string): number | null | undefined {
  const digits = typed.trim();
  if (digits === "") return null;
  return /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
}

/** A day from today, in the reader's time zone. */
function dateIn(days: number): string {
  const day = new Date();
  day.setDate(day.getDate() + days);
  return new Date(day.getTime() - day.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
