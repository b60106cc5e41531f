// The policy as the form has it: typed texts, which may be no numbers yet.
import type { ShownPolicyFragment, TokenPolicyInput } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import type { FieldProblem } from "../../parts/use-form.ts";
import { networkProblems, networksOf } from "../token-dialogs/networks-field.tsx";
import { form as text } from "./strings.ts";

const MAX_DAYS = 3650;
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

/** The policy that is typed, or what is wrong in each field that holds none. */
export function wantedOf(draft: Draft): Wanted | FieldProblem[] {
  const typed = {
    maximumLifetimeDays: daysOf(draft.maximum),
    defaultLifetimeDays: daysOf(draft.defaultLifetime),
    pauseUnusedAfterDays: daysOf(draft.pauseUnused),
  };
  const problems = Object.entries(typed).flatMap(([field, days]) => daysProblems(field, days));
  const { maximumLifetimeDays: most, defaultLifetimeDays: usual } = typed;
  if (problems.length === 0 && most && usual && usual > most) {
    problems.push({ field: "defaultLifetimeDays", message: text.defaultBeyond });
  }
  problems.push(...networkProblems(draft.networks));
  const from = new Date(`${draft.from}T00:00`);
  if (Number.isNaN(from.getTime())) {
    problems.push({ field: "effectiveFrom", message: text.chooseDate });
  }
  if (problems.length > 0) return problems;
  const policy = { ...(typed as Required<TokenPolicyInput>), networks: networksOf(draft.networks) };
  return { policy, effectiveFrom: from.toISOString() };
}

function daysProblems(field: string, days: number | null | undefined): FieldProblem[] {
  if (days === undefined) return [{ field, message: text.chooseDays }];
  const isDays = days === null || (days >= 1 && days <= MAX_DAYS);
  return isDays ? [] : [{ field, message: text.outOfRange(formats.number(MAX_DAYS)) }];
}

/** Null for none; undefined where the text is no number. */
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
