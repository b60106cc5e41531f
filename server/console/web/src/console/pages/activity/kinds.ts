// The kinds of activity by group, as the filter offers them.
import type { ActivityKind } from "../../../../generated/operations.ts";
import { activity as text } from "./strings.ts";

export type KindGroup = keyof typeof text.group;
/** Without those of the installation. */
type ShownKind = keyof typeof text.kind;

const GROUP_OF: Record<ShownKind, KindGroup> = {
  CREATED: "tokens",
  NAME_CHANGED: "tokens",
  DESCRIPTION_CHANGED: "tokens",
  PERMISSIONS_EDITED: "tokens",
  PERMISSIONS_GREW: "tokens",
  EXPIRY_SET: "tokens",
  PAUSED: "tokens",
  RESUMED: "tokens",
  NETWORKS_SET: "tokens",
  RATE_LIMIT_SET: "tokens",
  HOLDER_MAY_ROTATE_SET: "tokens",
  TRANSFERRED: "tokens",
  ROTATION_STARTED: "tokens",
  ROTATION_PICKED_UP: "tokens",
  ROTATION_ENDED: "tokens",
  TRIAL_STARTED: "tokens",
  TRIAL_ENFORCED: "tokens",
  TRIAL_DROPPED: "tokens",
  ACCESS_REQUESTED: "tokens",
  ACCESS_GRANTED: "tokens",
  ACCESS_DECLINED: "tokens",
  REVOKED: "tokens",
  ADMIN_INVITED: "admins",
  INVITATION_RENEWED: "admins",
  INVITATION_ACCEPTED: "admins",
  INVITATION_ENDED: "admins",
  ROLE_SET: "admins",
  OWNERSHIP_TRANSFERRED: "admins",
  ADMIN_REMOVED: "admins",
  ADMIN_ERASED: "admins",
  SIGNED_IN: "sessions",
  SIGN_IN_FAILED: "sessions",
  SIGNED_OUT: "sessions",
  SESSIONS_ENDED: "sessions",
  PASSWORD_SET: "sessions",
  TENANT_CREATED: "organisation",
  TENANT_LIMIT_SET: "organisation",
  TENANT_RENAMED: "organisation",
  TENANT_SUSPENDED: "organisation",
  TENANT_RESUMED: "organisation",
  TOKEN_POLICY_SET: "organisation",
  CATALOGUE_CHANGED: "organisation",
  CATALOGUE_NOTICE_DISMISSED: "organisation",
  WEBHOOK_CREATED: "webhooks",
  WEBHOOK_SET: "webhooks",
  WEBHOOK_TESTED: "webhooks",
  WEBHOOK_REPLAYED: "webhooks",
  WEBHOOK_REMOVED: "webhooks",
};

export const GROUPS = Object.keys(text.group) as KindGroup[];
const KINDS = Object.keys(GROUP_OF) as ShownKind[];

export function kindsIn(group: KindGroup): ShownKind[] {
  return KINDS.filter((kind) => GROUP_OF[kind] === group);
}

/** chosen: a kind, a group, or empty for all. Null for all kinds, also if there is no such one. */
export function chosenKinds(chosen: string): ActivityKind[] | null {
  const kind = KINDS.find((one) => one === chosen);
  if (kind !== undefined) return [kind];
  const group = GROUPS.find((one) => one === chosen);
  return group === undefined ? null : kindsIn(group);
}
