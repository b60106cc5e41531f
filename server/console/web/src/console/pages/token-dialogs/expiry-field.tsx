// The choice of an expiry: some days from now, the end of a date, or never, as the policy allows.
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Field } from "../../parts/field.tsx";
import { chosen, daysToChoose, type Expiry, type Lifetimes, lastDay, onDate, today } from "./expiry.ts";
import { fields as text } from "./strings.ts";

const LATEST = "9999-12-31";

interface Props {
  expiry: Expiry;
  /** The present expiry, which may be kept. */
  present?: string | undefined;
  problem: string | undefined;
  onChange: (expiry: Expiry) => void;
}

export function ExpiryField({ expiry, present, problem, onChange }: Props) {
  const { tokenPolicy: policy } = useViewer().tenant;
  const isDate = expiry.choice === "date";
  // After a conflict, the draft may keep another expiry than the present one.
  const kept = expiry.choice === "unchanged" ? expiry.at : present;
  const hint = [hintOf(expiry), hintOfPolicy(policy)].filter(Boolean).join(" ");
  const shown = { problem, ...(hint !== "" && { hint }) };
  return (
    <>
      <Field label={text.expires} {...(isDate ? {} : shown)}>
        {(field) => (
          <select
            {...field}
            value={expiry.choice}
            onChange={(event) => onChange(chosen(event.target.value, kept, policy))}
          >
            {kept && <option value="unchanged">{formats.instant(kept)}</option>}
            {daysToChoose(policy).map((days) => (
              <option key={days} value={days}>
                {text.inDays(formats.count(days, text.days))}
              </option>
            ))}
            <option value="date">{text.onDate}</option>
            {policy.maximumLifetimeDays === null && <option value="never">{text.never}</option>}
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
              max={lastDay(policy) ?? LATEST}
              value={expiry.date}
              onChange={({ target: { value } }) => onChange(onDate(value, policy))}
            />
          )}
        </Field>
      )}
    </>
  );
}

function hintOf({ at }: Expiry): string | undefined {
  if (at === undefined) return undefined;
  return at === null ? text.noEnd : text.worksUntil(formats.instant(at));
}

function hintOfPolicy({ maximumLifetimeDays: most }: Lifetimes): string | undefined {
  return most === null ? undefined : text.atMost(formats.count(most, text.days));
}
