// After a conflict: the present values.
import "./current-values.css";
import { Fragment } from "react";
import { Isolated } from "../../parts/isolated.tsx";
import { Note } from "../../parts/note.tsx";
import { shared } from "../../strings.ts";
import { conflict as text } from "./strings.ts";

interface Props {
  values: readonly { label: string; value: string }[];
  /** Takes the values into the form; undefined where there is nothing to fill in. */
  onTake?: (() => void) | undefined;
}

export function CurrentValues({ values, onTake }: Props) {
  return (
    <Note alert>
      <p>{text.lead}</p>
      <dl className="current-values">
        {values.map(({ label, value }) => (
          <Fragment key={label}>
            <dt>{label}</dt>
            <dd>
              <Isolated>{value || shared.none}</Isolated>
            </dd>
          </Fragment>
        ))}
      </dl>
      {onTake && (
        <button type="button" className="button" onClick={onTake}>
          {text.takeTheirs}
        </button>
      )}
    </Note>
  );
}
