// The choice of what becomes of one token, or of all that have no choice of their own.
import { Field } from "../../parts/field.tsx";
import { AS_OTHERS, type Choices, type Option } from "./removal-choices.ts";
import { removal as text } from "./strings.ts";

interface Props {
  choices: Choices;
  options: readonly Option[];
}

export function ChoiceOfOthers({ choices, options }: Props) {
  return (
    <Field label={text.others}>
      {(field) => (
        <select
          {...field}
          value={choices.others}
          onChange={(event) => choices.setOthers(event.target.value)}
        >
          <Options options={options} />
        </select>
      )}
    </Field>
  );
}

interface TokenProps extends Props {
  token: { id: string; name: string };
}

export function ChoiceOfToken({ token, choices, options }: TokenProps) {
  return (
    <select
      aria-label={text.choiceFor(token.name)}
      value={choices.of(token.id)}
      onChange={(event) => choices.choose(token.id, event.target.value)}
    >
      <option value={AS_OTHERS}>{text.sameAsOthers}</option>
      <Options options={options} />
    </select>
  );
}

function Options({ options }: { options: readonly Option[] }) {
  return options.map(({ value, label }) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));
}
