// A search field with its icon.
import "./search-box.css";
import type { Ref } from "react";
import { Icon } from "./icon.tsx";

interface Props {
  label: string;
  /** What is searched, if the label does not say it. */
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
}

export function SearchBox({ label, placeholder = label, value, onChange, ref }: Props) {
  return (
    <div className="search" role="search">
      <Icon name="search" />
      <input
        ref={ref}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        dir="auto"
        maxLength={200}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
