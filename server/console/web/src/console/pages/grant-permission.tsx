// A button that grants one permission to a token at once.
import { useState } from "react";
import { GrantPermissionDocument } from "../../../generated/operations.ts";
import { useRefresh } from "../api/queries.ts";
import { request } from "../api/request.ts";
import { BusyButton } from "../parts/busy-button.tsx";
import { useSay } from "../parts/status.tsx";
import { TroubleNote } from "../parts/trouble.tsx";
import { refused } from "../trouble.ts";
import { grantPermission as text } from "./strings.ts";

interface Props {
  token: { id: string; name: string };
  permissionKey: string;
  primary?: boolean;
}

export function GrantPermission({ token, permissionKey, primary = false }: Props) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<unknown>();
  const refresh = useRefresh();
  const say = useSay();

  async function grant(): Promise<void> {
    setBusy(true);
    setTrouble(undefined);
    try {
      const { editPermissions } = await request(GrantPermissionDocument, {
        input: { tokenId: token.id, grant: [permissionKey] },
      });
      if (editPermissions.__typename !== "EditPermissionsPayload") throw refused(editPermissions);
      say(text.granted(permissionKey, token.name));
      await refresh();
    } catch (error) {
      setTrouble(error);
    }
    setBusy(false);
  }

  return (
    <>
      <BusyButton
        type="button"
        className={primary ? "button primary" : "button"}
        busy={busy}
        aria-label={text.grantOf(permissionKey)}
        onClick={() => void grant()}
      >
        {busy ? text.granting : text.grant}
      </BusyButton>
      {trouble !== undefined && <TroubleNote error={trouble} />}
    </>
  );
}
