// One category of the grid: a checkbox for its shown permissions (all, some, none), and one each.
import "./category.css";
import { memo, useEffect, useId, useRef } from "react";
import type { GridPermissionFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { PermissionLine } from "../../parts/permission.tsx";
import type { Category as ShownCategory } from "./selection.ts";
import { grid } from "./strings.ts";

type OnToggle = (keys: readonly string[], on: boolean) => void;

interface Props {
  category: ShownCategory;
  selected: ReadonlySet<string>;
  onToggle: OnToggle;
}

export function Category({ category, selected, onToggle }: Props) {
  const box = useRef<HTMLInputElement>(null);
  const id = useId();
  const keys = category.permissions.map(({ key }) => key);
  const count = keys.filter((key) => selected.has(key)).length;
  const all = count === keys.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = count > 0 && !all;
  }, [count, all]);
  return (
    <section className="category" aria-labelledby={id}>
      <div className="category-head">
        <label>
          <input
            ref={box}
            type="checkbox"
            checked={all}
            onChange={() => onToggle(keys, !all)}
          />
          <h2 id={id}>{category.name}</h2>
        </label>
        <span className="quiet">
          {grid.countOf(formats.number(count), formats.number(keys.length))}
        </span>
      </div>
      <ul className="category-list">
        {category.permissions.map((permission) => (
          <Choice
            key={permission.key}
            permission={permission}
            checked={selected.has(permission.key)}
            onToggle={onToggle}
          />
        ))}
      </ul>
    </section>
  );
}

interface ChoiceProps {
  permission: GridPermissionFragment;
  checked: boolean;
  onToggle: OnToggle;
}

const Choice = memo(function Choice({ permission, checked, onToggle }: ChoiceProps) {
  return (
    <li>
      <label className="choice">
        <input
          type="checkbox"
          checked={checked}
          onChange={(event) => onToggle([permission.key], event.target.checked)}
        />
        <PermissionLine permission={permission} />
      </label>
    </li>
  );
});
