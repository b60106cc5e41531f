// Endpoints of the tenant's API: the method as a badge, the path and the name.
import "./permission.css";
import { shared } from "../strings.ts";
import { Isolated } from "./isolated.tsx";
import { Tag } from "./tag.tsx";

export interface ShownPermission {
  key: string;
  name: string;
  method: string;
  path: string;
  retired?: boolean;
  deprecated?: boolean;
  sensitive?: boolean;
}

export function MethodBadge({ method }: { method: string }) {
  return <span className={`method ${method.toLowerCase()}`}>{method}</span>;
}

export function PermissionLine({ permission }: { permission: ShownPermission }) {
  const named = permission.name !== permission.key;
  return (
    <span className="permission">
      <MethodBadge method={permission.method} />
      <span className="permission-words">
        {named && (
          <span className="permission-name">
            <Isolated>{permission.name}</Isolated>
          </span>
        )}
        <code>{permission.path}</code>
        {permission.retired && <Tag>{shared.retired}</Tag>}
        {permission.deprecated && <Tag>{shared.deprecated}</Tag>}
        {permission.sensitive && <Tag tone="notice">{shared.sensitive}</Tag>}
      </span>
    </span>
  );
}

interface ListProps {
  permissions: readonly ShownPermission[];
  /** What is said of a permission, by its key. */
  notes?: ReadonlyMap<string, string> | undefined;
}

export function PermissionList({ permissions, notes }: ListProps) {
  return (
    <ul className="permission-list">
      {permissions.map((permission) => (
        <li key={permission.key}>
          <PermissionLine permission={permission} />
          {notes?.has(permission.key) && <p className="hint">{notes.get(permission.key)}</p>}
        </li>
      ))}
    </ul>
  );
}
