// The permission that the link of a refused call names, with the button that grants it.
import { useQuery } from "@tanstack/react-query";
import { categoriesQuery } from "../../api/queries.ts";
import { tokenToGrantQuery } from "../../api/access-requests.ts";
import { useViewer } from "../../api/viewer.ts";
import { Note } from "../../parts/note.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { GrantPermission } from "../grant-permission.tsx";
import { linked as text } from "./strings.ts";

interface Props {
  tokenId: string;
  permission: string;
}

export function Linked({ tokenId, permission: key }: Props) {
  const { mayChange } = useViewer();
  const { data: token, error } = useQuery(tokenToGrantQuery(tokenId));
  const { data: categories } = useQuery(categoriesQuery);
  const permission = categories?.flatMap(({ permissions }) => permissions).find((one) => one.key === key);
  if (error !== null) return <TroubleNote error={error} />;
  if (token === undefined || categories === undefined) return null;
  if (token === null || token.revokedAt !== null || permission === undefined) {
    return (
      <Note>
        <p>{text.gone}</p>
      </Note>
    );
  }
  const isHeld = token.permissions.some((one) => one.key === key);
  return (
    <section className="linked-permission" aria-labelledby="linked-permission">
      <h2 id="linked-permission">{text.title}</h2>
      <p>{text.lead(token.name)}</p>
      <PermissionLine permission={permission} />
      {isHeld && <p>{text.held(token.name)}</p>}
      {!isHeld && !mayChange && <p>{text.auditor}</p>}
      {!isHeld && mayChange && <GrantPermission token={token} permissionKey={key} primary />}
    </section>
  );
}
