// Asks before something unsaved is left, whichever way: a link, "back", reload, closing the tab.
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { strings } from "../../strings.ts";
import { Dialog, DialogActions } from "./dialog.tsx";

const text = strings.console.unsaved;

interface Props {
  unsaved: boolean;
}

export function LeaveGuard({ unsaved }: Props) {
  const [wanted, setWanted] = useState<NavigationDestination>();
  const leaving = useRef(false);
  const [, go] = useLocation();
  useEffect(() => {
    if (!unsaved) return;
    const onNavigate = (event: NavigateEvent): void => {
      const asksItself = event.navigationType === "reload";
      if (leaving.current || asksItself || !event.cancelable || event.hashChange) return;
      event.preventDefault();
      setWanted(event.destination);
    };
    // A reload, or closing the tab: here browsers show a question of their own.
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (!leaving.current) event.preventDefault();
    };
    window.navigation?.addEventListener("navigate", onNavigate);
    window.addEventListener("beforeunload", onUnload);
    return () => {
      window.navigation?.removeEventListener("navigate", onNavigate);
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [unsaved]);

  function leave(destination: NavigationDestination): void {
    leaving.current = true;
    const { pathname, search } = new URL(destination.url);
    if (destination.key) void window.navigation.traverseTo(destination.key);
    else if (destination.sameDocument) go(pathname + search);
    else location.assign(destination.url);
  }

  if (wanted === undefined) return null;
  return (
    <Dialog title={text.title} onDismiss={() => setWanted(undefined)} narrow>
      <p>{text.lead}</p>
      <DialogActions>
        <button type="button" className="button" onClick={() => leave(wanted)}>
          {text.leave}
        </button>
        <button type="button" className="button primary" onClick={() => setWanted(undefined)}>
          {text.stay}
        </button>
      </DialogActions>
    </Dialog>
  );
}
