// The roles that can be assigned: all but the owner's, which is transferred.
import "./role-choice.css";
import type { Role } from "../../../../generated/operations.ts";
import { roles } from "../../../strings.ts";
import { admins as text } from "./strings.ts";

const ROLES = ["ADMIN", "AUDITOR"] as const;

export function RoleChoice({ role, onRole }: { role: Role; onRole: (role: Role) => void }) {
  return (
    <fieldset className="roles">
      <legend>{text.role}</legend>
      {ROLES.map((one) => (
        <label key={one} className="check">
          <input
            type="radio"
            name="role"
            value={one}
            checked={role === one}
            onChange={() => onRole(one)}
          />
          <span>
            <strong>{roles[one]}</strong>
            <span className="hint">{text.roleHint[one]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
