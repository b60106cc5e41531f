// The networks that a token may be used from, one a line.
import "./networks-field.css";
import { Field } from "../../parts/field.tsx";
import { fields as text } from "./strings.ts";

/** The entries of the field, in the order in which the server counts them. */
export function networksOf(lines: string): string[] {
  return lines.split(/[\s,;]+/).filter((entry) => entry !== "");
}

interface Props {
  lines: string;
  problem: string | undefined;
  onChange: (lines: string) => void;
}

export function NetworksField({ lines, problem, onChange }: Props) {
  return (
    <Field label={text.networks} hint={text.networksHint} problem={problem}>
      {(field) => (
        <textarea
          {...field}
          className="networks"
          rows={3}
          spellCheck={false}
          autoCapitalize="off"
          value={lines}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
