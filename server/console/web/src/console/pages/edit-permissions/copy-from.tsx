// Chooses another token, to select its permissions here too.
import "./copy-from.css";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { TokenDocument } from "../../../../generated/operations.ts";
import { tokensQuery } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { keysOf } from "./selection.ts";
import { copyFrom as text } from "./strings.ts";

interface Props {
  besides: string;
  onCopy: (keys: ReadonlySet<string>) => void;
  onClose: () => void;
}

export function CopyFrom({ besides, onCopy, onClose }: Props) {
  const [search, setSearch] = useState("");
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const { data, error } = useQuery(tokensQuery({ search: useDeferredValue(search) }));
  const others = data?.edges.map((edge) => edge.node).filter(({ id }) => id !== besides);

  async function copy(id: string): Promise<void> {
    setTrouble(undefined);
    setBusy(true);
    try {
      const { token } = await request(TokenDocument, { id });
      if (token) onCopy(keysOf(token));
      else setTrouble(shared.tokenGone);
    } catch (failure) {
      setTrouble(failure);
    }
    setBusy(false);
  }

  return (
    // Busy while a token is read: its answer would change the grid after the dialog has gone.
    <Dialog title={text.title} onDismiss={onClose} busy={busy} narrow>
      <Field label={text.search}>
        {(field) => (
          <input
            {...field}
            type="search"
            dir="auto"
            value={search}
            data-autofocus
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
      </Field>
      {(trouble ?? error) && <TroubleNote error={trouble ?? error} />}
      <ul className="pick-list" aria-label={text.tokens}>
        {others?.map((token) => (
          <li key={token.id}>
            <BusyButton type="button" busy={busy} onClick={() => void copy(token.id)}>
              <Isolated>{token.name}</Isolated>
              <span className="quiet">
                {formats.count(token.permissionCount, text.permissions)}
              </span>
            </BusyButton>
          </li>
        ))}
      </ul>
      {others?.length === 0 && <p role="status">{text.none}</p>}
      {data?.pageInfo.hasNextPage && <p className="hint">{text.more}</p>}
      <DialogActions>
        <button type="button" className="button" disabled={busy} onClick={onClose}>
          {shared.cancel}
        </button>
      </DialogActions>
    </Dialog>
  );
}
