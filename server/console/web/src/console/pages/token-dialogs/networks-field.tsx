// The networks that a token may be used from, one a line.
import "./networks-field.css";
import { formats } from "../../formats.ts";
import { Field } from "../../parts/field.tsx";
import type { FieldProblem } from "../../parts/use-form.ts";
import { fields as text } from "./strings.ts";

const MAX_NETWORKS = 50;
const LIKE_A_NETWORK = /^[\da-f]*[.:][\da-f.:]*(\/\d{1,3})?$/i;

/** The entries of the field, in the order in which the server counts them. */
export function networksOf(lines: string): string[] {
  return lines.split(/[\s,;]+/).filter((entry) => entry !== "");
}

/** What is clearly no network, or too many. The server knows the rest of the rules. */
export function networkProblems(lines: string): FieldProblem[] {
  const entries = networksOf(lines);
  const wrong = entries.findIndex((entry) => !LIKE_A_NETWORK.test(entry));
  const message =
    entries.length > MAX_NETWORKS
      ? text.tooManyNetworks(formats.number(MAX_NETWORKS))
      : text.noNetwork(formats.number(wrong + 1));
  return wrong >= 0 || entries.length > MAX_NETWORKS ? [{ field: "networks", message }] : [];
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
