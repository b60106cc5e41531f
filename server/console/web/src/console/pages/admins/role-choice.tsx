// The roles that can be assigned: all but the owner's, which is transferred.
import type { Role } from "../../../../generated/operations.ts";
import { roles } from "../../../strings.ts";
import { RadioGroup } from "../../parts/radio-group.tsx";
import { admins as text } from "./strings.ts";

const ROLES = (["ADMIN", "AUDITOR"] as const).map((role) => ({
  value: role,
  label: roles[role],
  hint: text.roleHint[role],
}));

export function RoleChoice({ role, onRole }: { role: Role; onRole: (role: Role) => void }) {
  return (
    <RadioGroup<Role>
      label={text.role}
      name="role"
      value={role}
      choices={ROLES}
      onChange={onRole}
    />
  );
}
