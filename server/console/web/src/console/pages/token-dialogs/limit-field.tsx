// A token's own limit of requests an hour.
import { formats } from "../../formats.ts";
import { Field } from "../../parts/field.tsx";
import { fields as text } from "./strings.ts";

const MAX_REQUESTS_PER_HOUR = 1_000_000_000;

/** Where the typed text is no limit: the problem of the field. */
export const NO_NUMBER = {
  __typename: "InvalidInput",
  field: "requestsPerHour",
  message: text.chooseNumber(formats.number(MAX_REQUESTS_PER_HOUR)),
} as const;

/** The typed limit: null for none, undefined if it is no number from 1 to the maximum. */
export function limitOf(typed: string): number | null | undefined {
  const digits = typed.trim();
  if (digits === "") return null;
  const limit = Number(digits);
  const isValid = /^\d+$/.test(digits) && limit >= 1 && limit <= MAX_REQUESTS_PER_HOUR;
  return isValid ? limit : undefined;
}

interface Props {
  typed: string;
  problem: string | undefined;
  onChange: (typed: string) => void;
}

/** Not of type "number": browsers give an empty value for a text that is none. */
export function LimitField({ typed, problem, onChange }: Props) {
  return (
    <Field label={text.limit} hint={text.limitHint} problem={problem}>
      {(field) => (
        <input
          {...field}
          inputMode="numeric"
          autoComplete="off"
          value={typed}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
