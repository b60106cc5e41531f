// Pages whose code is loaded when they are visited.
import { type ComponentType, type ReactNode, useEffect, useState } from "react";
import { Loading } from "../parts/page.tsx";

/** A page, and the function that loads its code. */
export type Visited<Props> = ((props: Props) => ReactNode) & { load: () => Promise<void> };

/**
 * Makes a page of the function that imports its code. A page whose code cannot be loaded throws.
 *
 * Not by React's `lazy`: it keeps the fallback for 300 ms, however soon the code has come, and only
 * then does the page ask for its data.
 */
export function visited<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): Visited<Props> {
  let Code: ComponentType<Props> | undefined;

  async function loadOnce(): Promise<void> {
    Code ??= await load();
  }

  function Page(props: Props): ReactNode {
    const [outcome, setOutcome] = useState<{ error?: unknown }>();
    // As of this rendering: the code may come before the effect runs.
    const isThere = Code !== undefined;
    useEffect(() => {
      if (isThere) return undefined;
      let isShown = true;
      const show = (shown: { error?: unknown }): void => {
        if (isShown) setOutcome(shown);
      };
      loadOnce().then(
        () => show({}),
        (error: unknown) => show({ error }),
      );
      return () => {
        isShown = false;
      };
    }, [isThere]);
    if (outcome !== undefined && "error" in outcome) throw outcome.error;
    return Code === undefined ? <Loading /> : <Code {...props} />;
  }

  return Object.assign(Page, { load: loadOnce });
}
