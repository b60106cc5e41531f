// Above the grid: finding permissions, and selecting many at once.
import "./toolbar.css";
import { SearchBox } from "../../parts/search-box.tsx";
import type { Filter } from "./selection.ts";
import { grid as text } from "./strings.ts";

interface Props {
  busy: boolean;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  onOnlySelected: (on: boolean) => void;
  /** Undefined where nothing is changed. */
  onOnlyChanges: ((on: boolean) => void) | undefined;
  isFolded: boolean;
  onFold: (folded: boolean) => void;
  onReadOnly: () => void;
  onNone: () => void;
  onCopy: () => void;
  /** Undefined where no recipe is offered. */
  onRecipe: (() => void) | undefined;
}

export function Toolbar(props: Props) {
  const { busy, filter, onFilter, onOnlySelected, onOnlyChanges, isFolded, onFold } = props;
  const { onReadOnly, onNone, onCopy, onRecipe } = props;
  return (
    <div className="toolbar" inert={busy}>
      <SearchBox
        label={text.search}
        value={filter.search}
        onChange={(search) => onFilter({ ...filter, search })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={filter.only !== undefined}
          onChange={(event) => onOnlySelected(event.target.checked)}
        />
        {text.onlySelected}
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={filter.changed !== undefined}
          disabled={onOnlyChanges === undefined}
          onChange={(event) => onOnlyChanges?.(event.target.checked)}
        />
        {text.onlyChanges}
      </label>
      <button type="button" className="button small" onClick={() => onFold(!isFolded)}>
        {isFolded ? text.unfoldAll : text.foldAll}
      </button>
      <div className="presets" role="group" aria-label={text.presets}>
        <button type="button" className="button" onClick={onReadOnly}>
          {text.readOnly}
        </button>
        <button type="button" className="button" onClick={onNone}>
          {text.none}
        </button>
        <button type="button" className="button" onClick={onCopy}>
          {text.copyFrom}
        </button>
        {onRecipe && (
          <button type="button" className="button" onClick={onRecipe}>
            {text.useRecipe}
          </button>
        )}
      </div>
    </div>
  );
}
