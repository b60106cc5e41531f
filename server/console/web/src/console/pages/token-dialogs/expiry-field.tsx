// The choice of an expiry: some days from now, the end of a date, or never.
import { formats } from "../../formats.ts";
import { Field } from "../../parts/field.tsx";
import { fields as text } from "./strings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const DAYS = ["7", "30", "60", "90"] as const;
const LATEST = "9999-12-31";

export interface Expiry {
  choice: "never" | "unchanged" | "date" | (typeof DAYS)[number];
  /** The last day, if a date is chosen: as its input has it, or empty. */
  date: string;
  /** The instant that is sent: null for never, undefined until there is a date. */
  at: string | null | undefined;
}

export const NEVER: Expiry = { choice: "never", date: "", at: null };

/** Where there is no date yet: the problem of the field. */
export const NO_DATE = {
  __typename: "InvalidInput",
  field: "expiresAt",
  message: text.chooseDate,
} as const;

export function inDays(choice: (typeof DAYS)[number]): Expiry {
  return { choice, date: "", at: new Date(Date.now() + Number(choice) * DAY_MS).toISOString() };
}

interface Props {
  expiry: Expiry;
  /** The present expiry, which may be kept. */
  present?: string | undefined;
  problem: string | undefined;
  onChange: (expiry: Expiry) => void;
}

export function ExpiryField({ expiry, present, problem, onChange }: Props) {
  const isDate = expiry.choice === "date";
  // After a conflict, the draft may keep another expiry than the present one.
  const kept = expiry.choice === "unchanged" ? expiry.at : present;
  const until = hintOf(expiry);
  const shown = { problem, ...(until !== undefined && { hint: until }) };
  return (
    <>
      <Field label={text.expires} {...(isDate ? {} : shown)}>
        {(field) => (
          <select
            {...field}
            value={expiry.choice}
            onChange={(event) => onChange(chosen(event.target.value, kept))}
          >
            {kept && <option value="unchanged">{formats.instant(kept)}</option>}
            {DAYS.map((days) => (
              <option key={days} value={days}>
                {text.inDays(formats.count(Number(days), text.days))}
              </option>
            ))}
            <option value="date">{text.onDate}</option>
            <option value="never">{text.never}</option>
          </select>
        )}
      </Field>
      {isDate && (
        <Field label={text.lastDay} {...shown}>
          {(field) => (
            <input
              {...field}
              type="date"
              min={today()}
              max={LATEST}
              value={expiry.date}
              onChange={({ target: { value } }) =>
                onChange({ choice: "date", date: value, at: endOf(value) })
              }
            />
          )}
        </Field>
      )}
    </>
  );
}

function chosen(value: string, kept: string | null | undefined): Expiry {
  const days = DAYS.find((one) => one === value);
  if (days !== undefined) return inDays(days);
  if (value === "date") return { choice: "date", date: "", at: undefined };
  if (value === "unchanged" && kept) return { choice: "unchanged", date: "", at: kept };
  return NEVER;
}

function hintOf({ at }: Expiry): string | undefined {
  if (at === undefined) return undefined;
  return at === null ? text.noEnd : text.worksUntil(formats.zoned(at));
}

/** The last second of a day in the reader's time zone; undefined if `date` is none. */
function endOf(date: string): string | undefined {
  const end = new Date(`${date}T23:59:59`);
  return Number.isNaN(end.getTime()) ? undefined : end.toISOString();
}

/** Today in the reader's time zone, as an input has it. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
