// The permissions that a token holds, by category.
import "./permissions.css";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { PermissionList } from "../../parts/permission.tsx";
import { Drift } from "./drift.tsx";
import { token as text } from "./strings.ts";

export function Permissions({ token }: { token: TokenDetailsFragment }) {
  const categories = Map.groupBy(token.permissions, (permission) => permission.category.name);
  return (
    <section aria-labelledby="permissions">
      <div className="section-head">
        <h2 id="permissions">{text.permissionsTitle(formats.number(token.permissions.length))}</h2>
      </div>
      {token.followedCategories.length > 0 && (
        <p className="follows">{text.follows(token.followedCategories.join(", "))}</p>
      )}
      {token.recipe && <Drift token={token} recipe={token.recipe} />}
      {token.permissions.length === 0 && <p className="quiet">{text.noPermissions}</p>}
      {token.permissions.length > 0 && (
        <div className="permission-card">
          {[...categories].map(([category, permissions]) => (
            <div key={category} className="permission-group">
              <h3>
                <Isolated>{category}</Isolated>
              </h3>
              <PermissionList permissions={permissions} />
            </div>
          ))}
        </div>
      )}
    </section>
  );
}
