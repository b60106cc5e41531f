// The search and the page of the list, kept in the address so that a reload or link preserves them.
import { useSearchParams } from "wouter";
import type { Place } from "../../api/queries.ts";

export function usePlace(): [Place, (place: Place) => void] {
  const [params, setParams] = useSearchParams();
  const after = params.get("after");
  const before = params.get("before");
  const place: Place = {
    search: params.get("search") ?? "",
    ...(after !== null && { after }),
    ...(before !== null && { before }),
  };
  function setPlace(to: Place): void {
    const given = Object.entries(to).filter(([, value]) => value !== "");
    // Replace the history entry: "back" must not step through each letter of a search.
    setParams(new URLSearchParams(given), { replace: to.search !== place.search });
  }
  return [place, setPlace];
}

/** Whether this is the first page of all tokens, unsearched. */
export function isStart(place: Place): boolean {
  return place.search === "" && place.after === undefined && place.before === undefined;
}
