// One category of the grid: a checkbox for its shown permissions (all, some, none), and one each.
import "./category.css";
import { memo, useEffect, useId, useRef } from "react";
import type { GridPermissionFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Icon } from "../../parts/icon.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { Tag } from "../../parts/tag.tsx";
import { useRoving } from "../../parts/use-roving.ts";
import { type Category as ShownCategory, isReading } from "./selection.ts";
import { grid } from "./strings.ts";

type OnToggle = (keys: readonly string[], on: boolean) => void;

interface Props {
  category: ShownCategory;
  selected: ReadonlySet<string>;
  /** The keys that were selected at first. */
  before: ReadonlySet<string>;
  isOpen: boolean;
  onOpen: (open: boolean) => void;
  /** Why a recipe asks for a permission, by its key. */
  reasons: ReadonlyMap<string, string>;
  isFollowed: boolean;
  /** A mark beside a permission, by its key. */
  marks: ReadonlyMap<string, string>;
  onToggle: OnToggle;
  /** Undefined where nothing can come: of retired permissions. */
  onFollow: ((on: boolean) => void) | undefined;
}

export function Category(props: Props) {
  const { category, selected, before, isOpen, reasons, marks, onToggle } = props;
  const roving = useRoving<HTMLElement>();
  const id = useId();
  return (
    // One Tab stop, among whose controls the arrow keys move.
    <section className="category" aria-labelledby={id} {...roving}>
      <CategoryHead {...props} id={id} />
      {isOpen && (
        <ul className="category-list" id={`${id}-list`}>
          {category.permissions.map((permission) => (
            <Choice
              key={permission.key}
              permission={permission}
              checked={selected.has(permission.key)}
              wasChecked={before.has(permission.key)}
              reason={reasons.get(permission.key)}
              mark={marks.get(permission.key)}
              onToggle={onToggle}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function CategoryHead(props: Props & { id: string }) {
  const { category, selected, isOpen, onOpen, isFollowed, onToggle, onFollow, id } = props;
  const box = useRef<HTMLInputElement>(null);
  const keys = category.permissions.map(({ key }) => key);
  const count = keys.filter((key) => selected.has(key)).length;
  const all = count === keys.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = count > 0 && !all;
  }, [count, all]);
  return (
    <div className="category-head" data-roving-row>
      <button
        type="button"
        className="button icon-only fold"
        data-roving
        tabIndex={-1}
        aria-label={grid.fold(category.name)}
        aria-expanded={isOpen}
        aria-controls={isOpen ? `${id}-list` : undefined}
        onClick={() => onOpen(!isOpen)}
      >
        <Icon name="chevron" />
      </button>
      <label>
        <input
          ref={box}
          type="checkbox"
          data-roving
          tabIndex={-1}
          checked={all}
          onChange={() => onToggle(keys, !all)}
        />
        <h2 id={id}>
          <Isolated>{category.name}</Isolated>
        </h2>
      </label>
      <span className="quiet">
        {grid.countOf(formats.number(count), formats.number(keys.length))}
      </span>
      <Levels category={category} onToggle={onToggle} />
      {onFollow && (
        <label className="follow">
          <input
            type="checkbox"
            data-roving
            tabIndex={-1}
            checked={isFollowed}
            onChange={(event) => onFollow(event.target.checked)}
          />
          {grid.follow}
          <span className="visually-hidden"> {grid.followIn(category.name)}</span>
        </label>
      )}
    </div>
  );
}

/** None, those that read and are not sensitive, or all of the shown permissions. */
function Levels({ category, onToggle }: { category: ShownCategory; onToggle: OnToggle }) {
  const { name, permissions } = category;
  const keys = permissions.map(({ key }) => key);
  const isOrdinary = (one: GridPermissionFragment): boolean => isReading(one) && !one.sensitive;
  const reading = permissions.filter(isOrdinary).map(({ key }) => key);
  const levels = [
    { text: grid.none, label: grid.noneOf(name), wanted: [] },
    { text: grid.read, label: grid.readOf(name), wanted: reading },
    { text: grid.all, label: grid.allOf(name), wanted: keys },
  ];
  return (
    <span className="levels">
      {levels.map(({ text, label, wanted }) => (
        <button
          key={text}
          type="button"
          className="button small"
          data-roving
          tabIndex={-1}
          aria-label={label}
          onClick={() => {
            onToggle(keys, false);
            onToggle(wanted, true);
          }}
        >
          {text}
        </button>
      ))}
    </span>
  );
}

interface ChoiceProps {
  permission: GridPermissionFragment;
  checked: boolean;
  wasChecked: boolean;
  reason: string | undefined;
  mark: string | undefined;
  onToggle: OnToggle;
}

const Choice = memo(function Choice(props: ChoiceProps) {
  const { permission, checked, wasChecked, reason, mark, onToggle } = props;
  const change = checked === wasChecked ? undefined : checked ? "granted" : "withdrawn";
  return (
    <li>
      <label className={change ? `choice ${change}` : "choice"}>
        <input
          type="checkbox"
          data-roving
          tabIndex={-1}
          checked={checked}
          onChange={(event) => onToggle([permission.key], event.target.checked)}
        />
        <span>
          <PermissionLine permission={permission} />
          {reason && <span className="hint reason" dir="auto">{reason}</span>}
        </span>
        {mark && <Tag tone="notice">{mark}</Tag>}
        {change && <span className="change-mark">{grid.mark[change]}</span>}
      </label>
    </li>
  );
});
