// Granted and withdrawn permissions: a count of each, which opens to the list.
import "./permission-changes.css";
import { formats, type Nouns } from "../formats.ts";
import { PermissionList, type ShownPermission } from "./permission.tsx";
import { permissionChanges as text } from "./strings.ts";

interface ChangesProps {
  granted: readonly ShownPermission[];
  withdrawn: readonly ShownPermission[];
}

export function PermissionChanges({ granted, withdrawn }: ChangesProps) {
  return (
    <div className="change-lists">
      <ChangedPermissions title={text.granted} permissions={granted} />
      <ChangedPermissions title={text.withdrawn} permissions={withdrawn} />
    </div>
  );
}

interface ChangedProps {
  title: Nouns;
  permissions: readonly ShownPermission[];
}

/** Shows nothing if there are no permissions. */
export function ChangedPermissions({ title, permissions }: ChangedProps) {
  if (permissions.length === 0) return null;
  return (
    <details>
      <summary>{formats.count(permissions.length, title)}</summary>
      <PermissionList permissions={permissions} />
    </details>
  );
}
