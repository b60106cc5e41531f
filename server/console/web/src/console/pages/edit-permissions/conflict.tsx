// A conflict: the token has changed, by another admin or by the first use of a new secret. Shows what
// has changed, and asks which selection to continue with.
import { useQuery } from "@tanstack/react-query";
import { TokenActivityDocument, type TokenDetailsFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { PermissionChanges } from "../../parts/permission-changes.tsx";
import { type Categories, changeOf, keysOf } from "./selection.ts";
import { conflict as text } from "./strings.ts";

interface Props {
  base: TokenDetailsFragment;
  theirs: TokenDetailsFragment;
  everything: Categories;
  onTakeTheirs: () => void;
  onKeepMine: () => void;
  onClose: () => void;
}

export function Conflict({ base, theirs, everything, onTakeTheirs, onKeepMine, onClose }: Props) {
  const change = changeOf(everything, keysOf(base), keysOf(theirs));
  const admin = useLastEditor(theirs);
  const isSame = change.granted.length + change.withdrawn.length === 0;
  return (
    <Dialog title={text.title} onDismiss={onClose}>
      <p>{admin === undefined ? text.lead : text.leadBy(admin)}</p>
      <PermissionChanges granted={change.granted} withdrawn={change.withdrawn} />
      {base.name !== theirs.name && <p>{text.renamed(theirs.name)}</p>}
      <p>{isSame ? text.same : text.choose}</p>
      <DialogActions>
        <button
          type="button"
          className={isSame ? "button primary" : "button"}
          data-autofocus={isSame || undefined}
          onClick={onKeepMine}
        >
          {text.keepMine}
        </button>
        {!isSame && (
          <button type="button" className="button primary" data-autofocus onClick={onTakeTheirs}>
            {text.takeTheirs}
          </button>
        )}
      </DialogActions>
    </Dialog>
  );
}

/** The person who changed it last; undefined until loaded, or where a holder or the system did. */
function useLastEditor(token: TokenDetailsFragment): string | undefined {
  const { data } = useQuery({
    queryKey: ["last editor", token.id, token.revision],
    queryFn: () => request(TokenActivityDocument, { id: token.id, first: 1 }),
  });
  const last = data?.tokenActivity?.edges[0]?.node;
  const isPerson = last?.actorKind === "ADMIN" || last?.actorKind === "OPERATOR";
  return isPerson ? (last.actorName ?? undefined) : undefined;
}
