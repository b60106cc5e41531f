// The choice of events: all, all of a family, or single types.
import "./event-choice.css";
import { useId } from "react";
import { Problem } from "../../parts/problem.tsx";
import { eventTypes, webhookForm as text } from "./strings.ts";

const ALL = "*";
type Family = keyof typeof eventTypes;
const FAMILIES = Object.keys(eventTypes) as Family[];

interface Props {
  /** Types, families such as `token.*`, or `*`. */
  events: ReadonlySet<string>;
  problem: string | undefined;
  onChange: (events: ReadonlySet<string>) => void;
}

export function EventChoice({ events, problem, onChange }: Props) {
  const id = useId();
  const isAll = events.has(ALL);
  const toggle = (pattern: string, on: boolean) => onChange(toggled(events, pattern, on));
  return (
    <fieldset className="event-choice" aria-describedby={problem && id}>
      <legend>{text.events}</legend>
      <label className="check">
        <input
          type="checkbox"
          checked={isAll}
          onChange={(event) => toggle(ALL, event.target.checked)}
        />
        <span>
          <strong>{text.all}</strong>
          <span className="hint">{text.allHint}</span>
        </span>
      </label>
      {!isAll &&
        FAMILIES.map((family) => (
          <FamilyChoice key={family} family={family} events={events} onToggle={toggle} />
        ))}
      {problem && <Problem id={id}>{problem}</Problem>}
    </fieldset>
  );
}

interface FamilyProps {
  family: Family;
  events: ReadonlySet<string>;
  onToggle: (pattern: string, on: boolean) => void;
}

function FamilyChoice({ family, events, onToggle }: FamilyProps) {
  const every = `${family}.*`;
  const isWhole = events.has(every);
  return (
    <div className="event-family" role="group" aria-label={text.family[family]}>
      <label className="check">
        <input
          type="checkbox"
          checked={isWhole}
          onChange={(event) => onToggle(every, event.target.checked)}
        />
        <strong>{text.family[family]}</strong>
      </label>
      {!isWhole && (
        <div className="event-types">
          {Object.entries<string>(eventTypes[family]).map(([name, label]) => (
            <label key={name} className="check">
              <input
                type="checkbox"
                checked={events.has(`${family}.${name}`)}
                onChange={(event) => onToggle(`${family}.${name}`, event.target.checked)}
              />
              <span>
                {label}
                <span className="hint">{`${family}.${name}`}</span>
              </span>
            </label>
          ))}
        </div>
      )}
    </div>
  );
}

/** Without what the pattern includes already. */
function toggled(events: ReadonlySet<string>, pattern: string, on: boolean): ReadonlySet<string> {
  if (!on) return new Set([...events].filter((one) => one !== pattern));
  const prefix = pattern.replace("*", "");
  const isIncluded = (one: string) => pattern.endsWith(ALL) && one.startsWith(prefix);
  return new Set([...[...events].filter((one) => !isIncluded(one)), pattern]);
}
