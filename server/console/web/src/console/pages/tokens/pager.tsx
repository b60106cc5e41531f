// Turns the pages of the list.
import "./pager.css";
import type { TokensQuery } from "../../../../generated/operations.ts";
import { tokens as text } from "./strings.ts";

interface Props {
  info: TokensQuery["tokens"]["pageInfo"];
  onTurn: (to: { after?: string; before?: string }) => void;
}

export function Pager({ info, onTurn }: Props) {
  const { hasPreviousPage, hasNextPage, startCursor, endCursor } = info;
  if (!hasPreviousPage && !hasNextPage) return null;
  return (
    <nav className="pager" aria-label={text.pages}>
      <button
        type="button"
        className="button"
        disabled={!hasPreviousPage || startCursor === null}
        onClick={() => startCursor !== null && onTurn({ before: startCursor })}
      >
        {text.previous}
      </button>
      <button
        type="button"
        className="button"
        disabled={!hasNextPage || endCursor === null}
        onClick={() => endCursor !== null && onTurn({ after: endCursor })}
      >
        {text.next}
      </button>
    </nav>
  );
}
