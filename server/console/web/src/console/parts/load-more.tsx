// The button below a list that loads its next page; after the last one, a sentence in its place.
import { useState } from "react";
import { shared } from "../strings.ts";
import { BusyButton } from "./busy-button.tsx";

interface Props {
  /** An infinite query. */
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    /** Another list is read, and the one before is shown until then. */
    isPlaceholderData?: boolean;
    fetchNextPage: () => unknown;
  };
  label?: string;
}

/** The focus of the button, which is gone. */
function takeFocus(sentence: HTMLElement | null): void {
  if (document.activeElement === document.body) sentence?.focus();
}

export function LoadMore({ query, label = shared.loadMore }: Props) {
  const [asked, setAsked] = useState(false);
  if (!query.hasNextPage) {
    if (!asked || query.isPlaceholderData) return null;
    return (
      <p className="quiet" role="status" tabIndex={-1} ref={takeFocus}>
        {shared.allLoaded}
      </p>
    );
  }
  return (
    <BusyButton
      type="button"
      className="button load-more"
      busy={query.isFetchingNextPage}
      onClick={() => {
        setAsked(true);
        query.fetchNextPage();
      }}
    >
      {query.isFetchingNextPage ? shared.loading : label}
    </BusyButton>
  );
}
