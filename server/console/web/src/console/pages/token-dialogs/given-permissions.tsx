// The permissions that a link, or the token that is duplicated, gives to a new one.
import "./more-conditions.css";
import { formats } from "../../formats.ts";
import { Problem } from "../../parts/problem.tsx";
import type { NewToken } from "./new-token.ts";
import { addToken as text } from "./strings.ts";

interface Props {
  draft: NewToken;
  problem: string | undefined;
  onDraft: (draft: NewToken) => void;
}

/** Shows nothing where nothing is given. */
export function GivenPermissions({ draft, problem, onDraft }: Props) {
  const { keys, follows } = draft;
  if (keys.length + follows.length === 0) return null;
  return (
    <div className="given">
      <details open={keys.length <= 5 || problem !== undefined}>
        <summary>{formats.count(keys.length, text.grants)}</summary>
        <ul>
          {keys.map((key) => (
            <li key={key}>
              <code>{key}</code>
            </li>
          ))}
        </ul>
      </details>
      {follows.length > 0 && <p className="hint">{text.follows(follows.join(", "))}</p>}
      {problem !== undefined && <Problem>{problem}</Problem>}
      <button
        type="button"
        className="button small"
        onClick={() => onDraft({ ...draft, keys: [], follows: [] })}
      >
        {text.without}
      </button>
    </div>
  );
}
