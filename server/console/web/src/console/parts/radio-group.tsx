// Radio buttons: one of a few choices, each with its hint.
import "./radio-group.css";

interface Props<Value extends string> {
  label: string;
  /** The name that groups the radio buttons of one form. */
  name: string;
  value: Value;
  choices: readonly { value: Value; label: string; hint: string }[];
  onChange: (value: Value) => void;
}

export function RadioGroup<Value extends string>(props: Props<Value>) {
  return (
    <fieldset className="radio-group">
      <legend>{props.label}</legend>
      {props.choices.map(({ value, label, hint }) => (
        <label key={value} className="check">
          <input
            type="radio"
            name={props.name}
            value={value}
            checked={props.value === value}
            onChange={() => props.onChange(value)}
          />
          <span>
            <strong>{label}</strong>
            <span className="hint">{hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
