// Asks before the user leaves with unsaved changes: by a link, "back", a reload, closing the tab, or
// an action that leaves the page.
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { Dialog, DialogActions } from "./dialog.tsx";
import { unsaved as text } from "./strings.ts";

interface Props {
  unsaved: boolean;
}

/** Leaves; returns whether it succeeded. */
type Leave = () => boolean | Promise<boolean>;
let ask: ((leave: Leave) => void) | undefined;

/** Runs an action that leaves the page: at once, or after confirmation. */
export function leaveBy(leave: Leave): void {
  if (ask === undefined) void leave();
  else ask(leave);
}

export function LeaveGuard({ unsaved }: Props) {
  const [wanted, setWanted] = useState<{ leave: Leave }>();
  const leaving = useRef(false);
  const [, go] = useLocation();
  useEffect(() => {
    if (!unsaved) return;
    const onNavigate = (event: NavigateEvent): void => {
      const asksItself = event.navigationType === "reload";
      if (leaving.current || asksItself || !event.cancelable || event.hashChange) return;
      event.preventDefault();
      const { destination } = event;
      setWanted({ leave: () => follow(destination) });
    };
    // A reload, or closing the tab: here browsers show a question of their own.
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (!leaving.current) event.preventDefault();
    };
    ask = (leave) => setWanted({ leave });
    window.navigation?.addEventListener("navigate", onNavigate);
    window.addEventListener("beforeunload", onUnload);
    return () => {
      ask = undefined;
      window.navigation?.removeEventListener("navigate", onNavigate);
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [unsaved]);

  function follow(destination: NavigationDestination): boolean {
    const { pathname, search } = new URL(destination.url);
    if (destination.key) void window.navigation.traverseTo(destination.key);
    else if (destination.sameDocument) go(pathname + search);
    else location.assign(destination.url);
    return true;
  }

  async function leaveNow(leave: Leave): Promise<void> {
    leaving.current = true;
    setWanted(undefined);
    leaving.current = await leave();
  }

  if (wanted === undefined) return null;
  return (
    <Dialog title={text.title} onDismiss={() => setWanted(undefined)} narrow>
      <p>{text.lead}</p>
      <DialogActions>
        <button type="button" className="button" onClick={() => void leaveNow(wanted.leave)}>
          {text.leave}
        </button>
        <button type="button" className="button primary" onClick={() => setWanted(undefined)}>
          {text.stay}
        </button>
      </DialogActions>
    </Dialog>
  );
}
