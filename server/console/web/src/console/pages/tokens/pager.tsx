// Turns the pages of the list, and chooses how many tokens one has.
import "./pager.css";
import type { TokensQuery } from "../../../../generated/operations.ts";
import { PAGE_SIZES, type Place } from "../../api/token-filter.ts";
import { Filter } from "../../parts/filter.tsx";
import { BusyButton } from "../../parts/busy-button.tsx";
import { tokens as text } from "./strings.ts";

interface Props {
  info: TokensQuery["tokens"]["pageInfo"];
  size: Place["size"];
  /** The next rows are read: `info` is of the page before, whose cursors lead to where one is. */
  isBusy: boolean;
  onTurn: (to: { after?: string; before?: string }) => void;
  onSize: (size: Place["size"]) => void;
}

export function Pager({ info, size, isBusy, onTurn, onSize }: Props) {
  const { hasPreviousPage, hasNextPage, startCursor, endCursor } = info;
  const isWhole = !hasPreviousPage && !hasNextPage;
  if (isWhole && size === undefined) return null;
  return (
    <nav className="pager" aria-label={text.pages}>
      <Filter
        label={text.size}
        value={size ?? PAGE_SIZES[0]}
        options={PAGE_SIZES.map((one) => ({ value: one, label: one }))}
        onChange={(value) => onSize(PAGE_SIZES.find((one) => one === value))}
      />
      {!isWhole && (
        <>
          <BusyButton
            type="button"
            className="button"
            // Keeps the focus on the first and on the last page.
            busy={isBusy || !hasPreviousPage || startCursor === null}
            onClick={() => startCursor !== null && onTurn({ before: startCursor })}
          >
            {text.previous}
          </BusyButton>
          <BusyButton
            type="button"
            className="button"
            busy={isBusy || !hasNextPage || endCursor === null}
            onClick={() => endCursor !== null && onTurn({ after: endCursor })}
          >
            {text.next}
          </BusyButton>
        </>
      )}
    </nav>
  );
}
