// A dialog that asks for confirmation of an action, then runs it.
import { type ReactNode, useState } from "react";
import { shared } from "../strings.ts";
import { BusyButton } from "./busy-button.tsx";
import { Dialog, DialogActions } from "./dialog.tsx";
import { sentenceOf, TroubleNote } from "./trouble.tsx";

interface Props {
  title: string;
  confirm: string;
  busyLabel: string;
  danger?: boolean;
  /** Wide enough for a table. */
  wide?: boolean;
  /** False while it is not known what is asked. */
  ready?: boolean;
  /** Runs the action. If it throws, the error is shown and the dialog stays open. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

export function Confirm(props: Props) {
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function confirm(): Promise<void> {
    setBusy(true);
    setTrouble(undefined);
    try {
      await props.onConfirm(); // Stays busy on success: the owner closes the dialog.
    } catch (error) {
      setTrouble(sentenceOf(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={props.title} onDismiss={props.onClose} busy={busy} narrow={!props.wide}>
      {props.children}
      {trouble !== undefined && <TroubleNote error={trouble} />}
      <DialogActions>
        <button
          type="button"
          className="button"
          // Enter must not trigger an action that cannot be undone.
          data-autofocus={props.danger || undefined}
          disabled={busy}
          onClick={props.onClose}
        >
          {shared.cancel}
        </button>
        <BusyButton
          type="button"
          className={props.danger ? "button danger" : "button primary"}
          busy={busy || props.ready === false}
          onClick={() => void confirm()}
        >
          {busy ? props.busyLabel : props.confirm}
        </BusyButton>
      </DialogActions>
    </Dialog>
  );
}
