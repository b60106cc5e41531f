// The bar below the grid: permissions to grant and withdraw, and the button to save.
import "./summary.css";
import type { ReactNode } from "react";
import { formats } from "../../formats.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { DialogActions } from "../../parts/dialog.tsx";
import { ChangedPermissions } from "../../parts/permission-changes.tsx";
import { Problem } from "../../parts/problem.tsx";
import { sentenceOf } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { startTrial } from "../trial/strings.ts";
import type { Change, Following } from "./selection.ts";
import { grid as text } from "./strings.ts";

interface Props {
  total: number;
  change: Change;
  following: Following;
  /** Whether another version of a recipe is applied. */
  isRecipeNew: boolean;
  /** Why a permission is withdrawn, by its key. */
  reasons?: ReadonlyMap<string, string> | undefined;
  trouble: unknown;
  busy: boolean;
  onCancel: () => void;
  onSave: () => void;
  /** Undefined where there is nothing to try. */
  onTry: (() => void) | undefined;
  hint: string | undefined;
  children?: ReactNode;
}

export function Summary(props: Props) {
  const { total, change, following, isRecipeNew, reasons, trouble, busy } = props;
  const { onCancel, onSave, onTry, hint, children } = props;
  const { followed, unfollowed } = following;
  const lists = [change.granted, change.withdrawn, followed, unfollowed];
  const unchanged = !isRecipeNew && lists.every((list) => list.length === 0);
  return (
    <section className="summary" aria-label={text.summary}>
      <div className="summary-changes">
        <p role="status">{formats.count(total, text.selected)}</p>
        {unchanged && <p className="quiet">{text.unchanged}</p>}
        <ChangedPermissions title={text.willGrant} permissions={change.granted} />
        <ChangedPermissions title={text.willWithdraw} permissions={change.withdrawn} reasons={reasons} />
        {hint !== undefined && <p className="quiet">{hint}</p>}
        {followed.length > 0 && <p>{text.willFollow(followed.join(", "))}</p>}
        {unfollowed.length > 0 && <p>{text.willUnfollow(unfollowed.join(", "))}</p>}
        {children}
        {trouble !== undefined && <Problem>{sentenceOf(trouble)}</Problem>}
      </div>
      <DialogActions>
        <button type="button" className="button" disabled={busy} onClick={onCancel}>
          {shared.cancel}
        </button>
        {onTry && (
          <button type="button" className="button" disabled={busy} onClick={onTry}>
            {startTrial.action}
          </button>
        )}
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
