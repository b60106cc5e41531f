// A dialog. It asks before what was typed in it is lost.
import { type ComponentProps, useState } from "react";
import { shared } from "../strings.ts";
import { BusyButton } from "./busy-button.tsx";
import { LeaveGuard } from "./leave-guard.tsx";
import { DialogActions, Modal } from "./modal.tsx";
import { typed as text } from "./strings.ts";

export { DialogActions } from "./modal.tsx";

interface Props extends Omit<ComponentProps<typeof Modal>, "onInput"> {
  /** A request is under way: its answer needs the dialog, so it cannot be dismissed. */
  busy?: boolean;
  /** Dismissing closes nothing, so that nothing typed is lost. */
  isForced?: boolean;
}

export function Dialog({ busy = false, isForced = false, onDismiss, ...props }: Props) {
  const [isTyped, setTyped] = useState(false);
  const [asking, setAsking] = useState(false);

  function dismiss(): void {
    if (busy) return;
    if (isTyped && !isForced) setAsking(true);
    else onDismiss();
  }

  return (
    <>
      {/* Before the form: both close in this order, and each gives the focus back. */}
      {asking && <Discard onKeep={() => setAsking(false)} onDiscard={onDismiss} />}
      <Modal
        {...props}
        onDismiss={dismiss}
        onInput={({ target }) => {
          // A search holds nothing that would be missed.
          if (!(target instanceof HTMLInputElement && target.type === "search")) setTyped(true);
        }}
      />
      <LeaveGuard unsaved={isTyped && !isForced && !busy} />
    </>
  );
}

function Discard({ onKeep, onDiscard }: { onKeep: () => void; onDiscard: () => void }) {
  return (
    <Modal title={text.title} onDismiss={onKeep} narrow>
      <p>{text.lead}</p>
      <DialogActions>
        <button type="button" className="button" onClick={onDiscard}>
          {text.discard}
        </button>
        <button type="button" className="button primary" data-autofocus onClick={onKeep}>
          {text.keep}
        </button>
      </DialogActions>
    </Modal>
  );
}

interface FormActionsProps {
  submit: string;
  busyLabel: string;
  busy: boolean;
  onCancel: () => void;
}

/** The buttons of a form: cancel, and submit, which sends only once at a time. */
export function FormActions({ submit, busyLabel, busy, onCancel }: FormActionsProps) {
  return (
    <DialogActions>
      <button type="button" className="button" disabled={busy} onClick={onCancel}>
        {shared.cancel}
      </button>
      <BusyButton type="submit" className="button primary" busy={busy}>
        {busy ? busyLabel : submit}
      </BusyButton>
    </DialogActions>
  );
}
