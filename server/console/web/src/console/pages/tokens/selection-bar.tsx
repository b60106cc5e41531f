// How many tokens are selected, and what can be done with them.
import "./selection-bar.css";
import { useQuery } from "@tanstack/react-query";
import type { TokenRowFragment } from "../../../../generated/operations.ts";
import { MAX_COUNTED, tokenCountQuery } from "../../api/queries.ts";
import type { Place } from "../../api/token-filter.ts";
import { formats } from "../../formats.ts";
import { filtersOf } from "./place.ts";
import { selection as text, tokens } from "./strings.ts";
import type { Selection } from "./use-selection.ts";

interface Props {
  place: Place;
  selection: Selection;
  /** The rows of the page. */
  rows: readonly TokenRowFragment[];
  onRevoke: () => void;
  onClear: () => void;
}

export function SelectionBar({ place, selection, rows, onRevoke, onClear }: Props) {
  const { data, isPlaceholderData } = useQuery(tokenCountQuery(filtersOf(place)));
  // Until it is read, the count is that of the filters before.
  const all = isPlaceholderData ? undefined : data;
  const { ids, isOfAll } = selection;
  if (ids.size === 0) return null;
  const number = formats.count(isOfAll && all !== undefined ? all : ids.size, tokens.count);
  const hasMore = !isOfAll && ids.size === rows.length && all !== undefined && all > ids.size;
  return (
    <section className="selection-bar" aria-label={text.region}>
      <p role="status">{isOfAll ? text.allMatching(number) : text.selected(number)}</p>
      {hasMore &&
        (all > MAX_COUNTED ? (
          <p className="quiet">{text.tooMany(formats.number(MAX_COUNTED))}</p>
        ) : (
          <button type="button" className="button small" onClick={selection.selectAll}>
            {text.selectMatching(formats.count(all, tokens.count))}
          </button>
        ))}
      {ids.size < rows.length && (
        <button
          type="button"
          className="button small select-page"
          onClick={() => selection.toggle?.(rows.map(({ id }) => id), true)}
        >
          {text.selectPage(formats.number(rows.length))}
        </button>
      )}
      <button type="button" className="button small" onClick={onClear}>
        {text.clear}
      </button>
      <button type="button" className="button small danger" onClick={onRevoke}>
        {text.revoke}
      </button>
    </section>
  );
}
