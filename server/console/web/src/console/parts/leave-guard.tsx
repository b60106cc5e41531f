// Asks before the user leaves with unsaved changes: by a link, "back", a reload, closing the tab, or
// an action that leaves the page.
import { useEffect, useRef, useState } from "react";
import { activeGuard, addGuard } from "../address.ts";
import { DialogActions, Modal } from "./modal.tsx";
import { unsaved as text } from "./strings.ts";

interface Props {
  unsaved: boolean;
}

/** Leaves; returns whether it succeeded. */
type Leave = () => boolean | Promise<boolean>;

/** Runs an action that leaves the page: at once, or after confirmation. */
export function leaveBy(leave: Leave): void {
  const guard = activeGuard();
  if (guard === undefined) void leave();
  else guard.ask(leave);
}

export function LeaveGuard({ unsaved }: Props) {
  const [wanted, setWanted] = useState<{ leave: Leave }>();
  const leaving = useRef(false);
  useEffect(() => {
    if (!unsaved) return;
    const remove = addGuard({
      isOn: () => !leaving.current,
      ask: (leave) => setWanted({ leave }),
    });
    // A reload, another server's page, or closing the tab: here browsers ask a question of their own.
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (!leaving.current) event.preventDefault();
    };
    window.addEventListener("beforeunload", onUnload);
    return () => {
      remove();
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [unsaved]);

  async function leaveNow(leave: Leave): Promise<void> {
    leaving.current = true;
    setWanted(undefined);
    leaving.current = await leave();
  }

  if (wanted === undefined) return null;
  return (
    <Modal title={text.title} onDismiss={() => setWanted(undefined)} narrow>
      <p>{text.lead}</p>
      <DialogActions>
        <button type="button" className="button" onClick={() => void leaveNow(wanted.leave)}>
          {text.leave}
        </button>
        <button
          type="button"
          className="button primary"
          // Enter must not lose what was typed.
          data-autofocus
          onClick={() => setWanted(undefined)}
        >
          {text.stay}
        </button>
      </DialogActions>
    </Modal>
  );
}
