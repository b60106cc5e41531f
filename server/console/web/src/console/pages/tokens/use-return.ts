// Remembers where the reader is in the list, and gives the focus to the row that they come back to.
import { useEffect, useState } from "react";
import { href } from "../../../base.ts";
import { paths } from "../../paths.ts";
import { rememberList, returnedFrom } from "../list-place.ts";

/** rows: undefined while they are read. */
export function useReturn(address: string, rows: readonly { id: string }[] | undefined): void {
  const [returned, setReturned] = useState<string>();
  useEffect(() => rememberList(address), [address]);
  useEffect(() => setReturned(returnedFrom()), []);
  const isShown = rows?.some(({ id }) => id === returned) ?? false;
  useEffect(() => {
    if (returned === undefined || rows === undefined) return;
    setReturned(undefined);
    if (!isShown) return;
    const address = href(paths.token(returned));
    const link = document.querySelector<HTMLElement>(`.row-link[href="${address}"]`);
    link?.scrollIntoView({ block: "center" });
    link?.focus({ preventScroll: true });
  }, [returned, rows, isShown]);
}
