// The filters that are set, each as a button that removes it.
import "./filters.css";
import type { Place } from "../../api/token-filter.ts";
import { Icon } from "../../parts/icon.tsx";
import { useFilterTexts } from "./filter-texts.ts";
import type { FilterName } from "./place.ts";
import { filters as text } from "./strings.ts";

interface Props {
  place: Place;
  onRemove: (name: FilterName) => void;
  onClear: () => void;
}

export function Chips({ place, onRemove, onClear }: Props) {
  const active = useFilterTexts(place);
  if (active.length === 0) return null;
  return (
    <ul className="chips" aria-label={text.active}>
      {active.map(({ name, words }) => (
        <li key={name}>
          <button
            type="button"
            className="chip"
            aria-label={text.remove(words)}
            onClick={() => onRemove(name)}
          >
            {words}
            <Icon name="close" />
          </button>
        </li>
      ))}
      <li>
        <button type="button" className="button small" onClick={onClear}>
          {text.clear}
        </button>
      </li>
    </ul>
  );
}
