// Shown if the token was created, but the answer with its secret was lost.
import { useState } from "react";
import { RevokeTokenDocument } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { addToken as text } from "./strings.ts";

interface Props {
  token: { id: string; name: string };
  onAgain: () => void;
  onClose: () => Promise<void>;
}

export function LostSecret({ token, onAgain, onClose }: Props) {
  const [trouble, setTrouble] = useState<unknown>();

  async function startAgain(): Promise<void> {
    try {
      await request(RevokeTokenDocument, { input: { tokenId: token.id } });
      onAgain();
    } catch (error) {
      setTrouble(error);
    }
  }

  return (
    <Dialog title={text.lostTitle} onDismiss={() => void onClose()} narrow>
      <p>{text.lostLead(token.name)}</p>
      {trouble !== undefined && <TroubleNote error={trouble} />}
      <DialogActions>
        <button type="button" className="button" onClick={() => void onClose()}>
          {text.keepLost}
        </button>
        <button
          type="button"
          className="button primary"
          data-autofocus
          onClick={() => void startAgain()}
        >
          {text.startAgain}
        </button>
      </DialogActions>
    </Dialog>
  );
}
