// A search field with its icon.
import "./search-box.css";
import type { Ref } from "react";
import { Icon } from "./icon.tsx";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
}

export function SearchBox({ label, value, onChange, ref }: Props) {
  return (
    <div className="search" role="search">
      <Icon name="search" />
      <input
        ref={ref}
        type="search"
        aria-label={label}
        placeholder={label}
        maxLength={200}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
