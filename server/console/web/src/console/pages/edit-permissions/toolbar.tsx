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
  onReadOnly: () => void;
  onNone: () => void;
  onCopy: () => void;
}

export function Toolbar(props: Props) {
  const { busy, filter, onFilter, onOnlySelected, onReadOnly, onNone, onCopy } = props;
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
      </div>
    </div>
  );
}
