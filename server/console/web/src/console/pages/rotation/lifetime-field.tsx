// The choice of how long the old secret lives on after the first use of the new one.
import { Field } from "../../parts/field.tsx";
import { type Lifetime, rotate as text } from "./strings.ts";

const LIFETIMES = [0, 600, 3600, 86400] as const;

interface Props {
  lifetime: Lifetime;
  disabled: boolean;
  problem: string | undefined;
  onChange: (lifetime: Lifetime) => void;
}

export function LifetimeField({ lifetime, disabled, problem, onChange }: Props) {
  return (
    <Field label={text.lifetime} problem={problem}>
      {(field) => (
        <select
          {...field}
          value={lifetime}
          disabled={disabled}
          onChange={({ target: { value } }) =>
            onChange(LIFETIMES.find((one) => String(one) === value) ?? lifetime)
          }
        >
          {LIFETIMES.map((seconds) => (
            <option key={seconds} value={seconds}>
              {text.choice(seconds)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
