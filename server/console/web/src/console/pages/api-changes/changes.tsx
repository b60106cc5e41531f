// The endpoints that a version changed: a count of each kind, which opens to the list.
import type { ReactNode } from "react";
import type { ShownVersionFragment } from "../../../../generated/operations.ts";
import { formats, type Nouns } from "../../formats.ts";
import { PermissionLine, type ShownPermission } from "../../parts/permission.tsx";
import { apiChanges as text } from "./strings.ts";

interface Line {
  permission: ShownPermission;
  more?: ReactNode;
}

export function Changes({ version }: { version: ShownVersionFragment }) {
  const plain = (permission: ShownPermission): Line => ({ permission });
  const renamed = version.renamed.map(({ permission, previousKey, keepsGrants }) => ({
    permission,
    more: `${text.was(previousKey)}. ${keepsGrants ? text.keeps : text.keepsNot}`,
  }));
  const moved = version.moved.map(({ permission, previousBasePaths, basePaths }) => ({
    permission,
    more: text.basePaths(places(previousBasePaths), places(basePaths)),
  }));
  return (
    <div className="change-lists">
      <List
        count={version.addedCount}
        title={text.added}
        lead={text.addedLead}
        lines={version.added.map(plain)}
      />
      <List
        count={version.removedCount}
        title={text.removed}
        lead={text.removedLead}
        lines={version.removed.map(plain)}
      />
      <List count={version.renamedCount} title={text.renamed} lines={renamed} />
      <List count={version.movedCount} title={text.moved} lines={moved} />
    </div>
  );
}

function places(basePaths: string[]): string {
  return basePaths.map((path) => path || text.root).join(", ");
}

interface ListProps {
  count: number;
  title: Nouns;
  lead?: string;
  lines: Line[];
}

function List({ count, title, lead, lines }: ListProps) {
  if (count === 0) return null;
  return (
    <details>
      <summary>{formats.count(count, title)}</summary>
      {lead && <p className="hint">{lead}</p>}
      <ul className="permission-list">
        {lines.map(({ permission, more }) => (
          <li key={permission.key}>
            <PermissionLine permission={permission} />
            {more && <p className="hint">{more}</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}
