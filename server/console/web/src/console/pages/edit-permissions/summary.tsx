// The bar below the grid: permissions to grant and withdraw, and the button to save.
import "./summary.css";
import { formats } from "../../formats.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { DialogActions } from "../../parts/dialog.tsx";
import { ChangedPermissions } from "../../parts/permission-changes.tsx";
import { Problem } from "../../parts/problem.tsx";
import { sentenceOf } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import type { Change } from "./selection.ts";
import { grid as text } from "./strings.ts";

interface Props {
  total: number;
  change: Change;
  trouble: unknown;
  busy: boolean;
  onCancel: () => void;
  onSave: () => void;
}

export function Summary({ total, change, trouble, busy, onCancel, onSave }: Props) {
  const unchanged = change.granted.length + change.withdrawn.length === 0;
  return (
    <section className="summary" aria-label={text.summary}>
      <div className="summary-changes">
        <p role="status">{formats.count(total, text.selected)}</p>
        {unchanged && <p className="quiet">{text.unchanged}</p>}
        <ChangedPermissions title={text.willGrant} permissions={change.granted} />
        <ChangedPermissions title={text.willWithdraw} permissions={change.withdrawn} />
        {trouble !== undefined && <Problem>{sentenceOf(trouble)}</Problem>}
      </div>
      <DialogActions>
        <button type="button" className="button" disabled={busy} onClick={onCancel}>
          {shared.cancel}
        </button>
        <BusyButton
          type="button"
          className="button primary"
          disabled={unchanged}
          busy={busy}
          onClick={onSave}
        >
          {busy ? shared.saving : shared.save}
        </BusyButton>
      </DialogActions>
    </section>
  );
}
