// A secret that is shown once: hidden at first, copied by a button, closed only after a question.
// It is in the state of its parent component, and in the DOM only while shown in plain text.
import "./secret.css";
import { type ReactNode, useState } from "react";
import { CopyButton } from "./copy.tsx";
import { Dialog, DialogActions } from "./dialog.tsx";
import { LeaveGuard } from "./leave-guard.tsx";
import { secret as text } from "./strings.ts";

const HIDDEN = "•".repeat(24);

interface Props {
  title: string;
  lead: string;
  /** The secret's label: "Token", "Invitation link". */
  label: string;
  copyLabel: string;
  secret: string;
  next: string;
  onNext: () => void;
  onClose: () => void;
  children?: ReactNode;
}

export function SecretDialog(props: Props) {
  const [asking, setAsking] = useState<boolean>();
  // Until then, copying is the one thing to do.
  const [isTaken, setTaken] = useState(false);
  return (
    <>
      <Dialog title={props.title} onDismiss={() => setAsking(true)}>
        <p>{props.lead}</p>
        <SecretBox {...props} isMain={!isTaken && !asking} onTaken={() => setTaken(true)} />
        {props.children}
        {asking ? (
          <CloseQuestion onKeep={() => setAsking(false)} onClose={props.onClose} />
        ) : (
          <DialogActions>
            <button
              type="button"
              className={isTaken ? "button primary" : "button"}
              // The question had the focus, and is gone.
              autoFocus={asking === false}
              onClick={props.onNext}
            >
              {props.next}
            </button>
          </DialogActions>
        )}
      </Dialog>
      <LeaveGuard unsaved />
    </>
  );
}

interface BoxProps extends Pick<Props, "label" | "copyLabel" | "secret"> {
  /** Whether copying is the main action of the dialog. */
  isMain: boolean;
  /** The secret was copied or shown. */
  onTaken: () => void;
}

function SecretBox({ label, copyLabel, secret, isMain, onTaken }: BoxProps) {
  const [shown, setShown] = useState(false);
  function show(on: boolean): void {
    setShown(on);
    if (on) onTaken();
  }
  return (
    <div className="secret" role="group" aria-label={label}>
      <code className={shown ? "" : "hidden-secret"} aria-hidden={!shown}>
        {shown ? secret : HIDDEN}
      </code>
      {!shown && <span className="visually-hidden">{text.hidden}</span>}
      <button
        type="button"
        className="button"
        aria-label={shown ? text.hideLabel(label) : text.showLabel(label)}
        onClick={() => show(!shown)}
      >
        {shown ? text.hide : text.show}
      </button>
      <CopyButton
        value={secret}
        label={copyLabel}
        className={isMain ? "button primary" : "button"}
        onCopied={onTaken}
        onFailed={() => show(true)}
      />
    </div>
  );
}

function CloseQuestion({ onKeep, onClose }: { onKeep: () => void; onClose: () => void }) {
  return (
    <div className="question" role="alertdialog" aria-label={text.question}>
      <p>{text.question}</p>
      <DialogActions>
        <button type="button" className="button" onClick={onClose}>
          {text.close}
        </button>
        <button type="button" className="button primary" onClick={onKeep} autoFocus>
          {text.keep}
        </button>
      </DialogActions>
    </div>
  );
}
