// The search for tokens, which starts when typing pauses.
import { type Ref, useEffect, useState } from "react";
import { SearchBox } from "../../parts/search-box.tsx";
import { tokens as text } from "./strings.ts";

const SEARCH_PAUSE_MS = 250;

interface Props {
  value: string;
  onSearch: (text: string) => void;
  ref: Ref<HTMLInputElement>;
}

export function Search({ value, onSearch, ref }: Props) {
  const [typed, setTyped] = useState(value);
  const [given, setGiven] = useState(value);
  if (value !== given) {
    // The address changed otherwise: by "back", or a cleared search.
    setGiven(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => {
      setGiven(typed);
      onSearch(typed);
    }, SEARCH_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onSearch]);
  return (
    <SearchBox
      ref={ref}
      label={text.search}
      placeholder={text.searchHint}
      value={typed}
      onChange={(entered) => setTyped(withoutSecrets(entered))}
    />
  );
}

/** Cuts pasted secrets to the beginnings that are searched: no more may get into the address. */
function withoutSecrets(entered: string): string {
  return entered.replace(/([A-Za-z0-9]+_[A-Za-z0-9]{6})[A-Za-z0-9]{43}/g, "$1");
}
