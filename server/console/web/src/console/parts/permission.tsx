// Endpoints of the tenant's API: the method as a badge, the path and the name.
import "./permission.css";
import { shared } from "../strings.ts";
import { Tag } from "./tag.tsx";

export interface ShownPermission {
  key: string;
  name: string;
  method: string;
  path: string;
  retired?: boolean;
  deprecated?: boolean;
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
        {named && <span className="permission-name">{permission.name}</span>}
        <code>{permission.path}</code>
        {permission.retired && <Tag>{shared.retired}</Tag>}
        {permission.deprecated && <Tag>{shared.deprecated}</Tag>}
      </span>
    </span>
  );
}

export function PermissionList({ permissions }: { permissions: readonly ShownPermission[] }) {
  return (
    <ul className="permission-list">
      {permissions.map((permission) => (
        <li key={permission.key}>
          <PermissionLine permission={permission} />
        </li>
      ))}
    </ul>
  );
}
