// Revokes a token, after a confirmation that says how much it is used.
import "./revoke-token.css";
import { RevokeTokenDocument, type TokenRowFragment } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { revoke as text } from "./strings.ts";

interface Props {
  token: TokenRowFragment;
  onClose: () => void;
}

export function RevokeToken({ token, onClose }: Props) {
  async function revoke(): Promise<string> {
    // NotFound: another admin has revoked it already, as requested.
    await request(RevokeTokenDocument, { input: { tokenId: token.id } });
    return text.revoked(token.name);
  }

  return (
    <ConfirmChange
      title={text.title(token.name)}
      confirm={text.confirm}
      busyLabel={text.revoking}
      danger
      onConfirm={revoke}
      onClose={onClose}
    >
      <p>{text.lead}</p>
      <ul className="consequences">
        <li>{text.access(formats.count(token.permissionCount, text.endpoints))}</li>
        <li>
          {token.lastUsedAt
            ? text.lastUsed(formats.instant(token.lastUsedAt), token.lastUsedFrom ?? text.unknown)
            : text.neverUsed}
        </li>
      </ul>
    </ConfirmChange>
  );
}
