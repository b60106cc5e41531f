// Above the grid: finding permissions, and selecting many at once.
import { strings } from "../../../strings.ts";
import { Icon } from "../../parts/icon.tsx";

const text = strings.console.grid;

interface Filter {
  search: string;
  onlySelected: boolean;
}

interface Props {
  busy: boolean;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  onReadOnly: () => void;
  onNone: () => void;
  onCopy: () => void;
}

export function Toolbar({ busy, filter, onFilter, onReadOnly, onNone, onCopy }: Props) {
  return (
    <div className="toolbar" inert={busy}>
      <div className="search" role="search">
        <Icon name="search" />
        <input
          type="search"
          aria-label={text.search}
          placeholder={text.search}
          value={filter.search}
          onChange={(event) => onFilter({ ...filter, search: event.target.value })}
        />
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={filter.onlySelected}
          onChange={(event) => onFilter({ ...filter, onlySelected: event.target.checked })}
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
