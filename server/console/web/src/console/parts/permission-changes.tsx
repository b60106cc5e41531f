// Granted and withdrawn permissions: the list of a few, and a count of more, which opens to it.
import "./permission-changes.css";
import { formats, type Nouns } from "../formats.ts";
import { PermissionList, type ShownPermission } from "./permission.tsx";
import { permissionChanges as text } from "./strings.ts";

/** As many changes are shown without opening them. */
const MAX_INLINE = 3;

interface ChangesProps {
  granted: readonly ShownPermission[];
  withdrawn: readonly ShownPermission[];
}

export function PermissionChanges({ granted, withdrawn }: ChangesProps) {
  const inline = granted.length + withdrawn.length <= MAX_INLINE ? MAX_INLINE : 0;
  return (
    <div className="change-lists">
      <ChangedPermissions title={text.granted} permissions={granted} inline={inline} />
      <ChangedPermissions title={text.withdrawn} permissions={withdrawn} inline={inline} />
    </div>
  );
}

interface ChangedProps {
  title: Nouns;
  permissions: readonly ShownPermission[];
  /** Why a permission is changed, by its key. */
  reasons?: ReadonlyMap<string, string> | undefined;
  /** Up to so many are listed at once. */
  inline?: number;
}

/** Shows nothing if there are no permissions. */
export function ChangedPermissions({ title, permissions, reasons, inline = 0 }: ChangedProps) {
  if (permissions.length === 0) return null;
  if (permissions.length <= inline) {
    return (
      <div>
        <p className="quiet">{formats.count(permissions.length, title)}</p>
        <PermissionList permissions={permissions} notes={reasons} />
      </div>
    );
  }
  return (
    <details>
      <summary>{formats.count(permissions.length, title)}</summary>
      <PermissionList permissions={permissions} notes={reasons} />
    </details>
  );
}
