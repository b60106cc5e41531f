// The permissions that a token holds, by category.
import "./permissions.css";
import { Link } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { PermissionList } from "../../parts/permission.tsx";
import { paths } from "../../paths.ts";
import { token as text } from "./strings.ts";

export function Permissions({ token }: { token: TokenDetailsFragment }) {
  const { mayChange } = useViewer();
  const categories = Map.groupBy(token.permissions, (permission) => permission.category.name);
  return (
    <section aria-labelledby="permissions">
      <div className="section-head">
        <h2 id="permissions">{text.permissionsTitle(formats.number(token.permissions.length))}</h2>
        {mayChange && !token.revokedAt && (
          <Link href={paths.editPermissions(token.id)} className="button">
            {text.editPermissions}
          </Link>
        )}
      </div>
      {token.permissions.length === 0 && <p className="quiet">{text.noPermissions}</p>}
      {[...categories].map(([category, permissions]) => (
        <div key={category} className="permission-group">
          <h3>{category}</h3>
          <PermissionList permissions={permissions} />
        </div>
      ))}
    </section>
  );
}
