// The console's icons, drawn on a grid of 24. Hidden from screen readers: text stands beside them.
import "./icon.css";
const PATHS = {
  add: "M12 5v14M5 12h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  search: "M11 5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15.5 15.5L20 20",
  chevron: "M7 10l5 5 5-5",
  back: "M14 6l-6 6 6 6",
  close: "M8 8l8 8M16 8l-8 8",
  filter: "M4 7h16M7 12h10M10 17h4",
  key: "M8.5 11a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM11.5 12.5L19 5M16 8l3 3",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
