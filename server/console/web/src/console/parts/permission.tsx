// Endpoints of the tenant's API: the method as a badge, the path, and what each does.
import { formats } from "../formats.ts";
import { shared } from "../strings.ts";

interface Shown {
  method: string;
  path: string;
  name: string;
  key: string;
  retired?: boolean;
  deprecated?: boolean;
}

export function MethodBadge({ method }: { method: string }) {
  return <span className={`method ${method.toLowerCase()}`}>{method}</span>;
}

export function PermissionLine({ permission }: { permission: Shown }) {
  const named = permission.name !== permission.key;
  return (
    <span className="permission">
      <MethodBadge method={permission.method} />
      <span className="permission-words">
        {named && <span className="permission-name">{permission.name}</span>}
        <code>{permission.path}</code>
        {permission.retired && <span className="tag">{shared.retired}</span>}
        {permission.deprecated && <span className="tag">{shared.deprecated}</span>}
      </span>
    </span>
  );
}

export function PermissionList({ permissions }: { permissions: readonly Shown[] }) {
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

interface ChangedProps {
  title: { one: string; other: string };
  permissions: readonly Shown[];
}

export function ChangedPermissions({ title, permissions }: ChangedProps) {
  if (permissions.length === 0) return null;
  return (
    <details>
      <summary>{formats.count(permissions.length, title)}</summary>
      <PermissionList permissions={permissions} />
    </details>
  );
}
