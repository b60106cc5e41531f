// The texts of the page of one token.

export const token = {
  title: "Token",
  revoked: "Revoked",
  hint: "Begins with",
  createdBy: "Created by",
  created: "Created",
  lastUsed: "Last used",
  never: "Never",
  from: (address: string) => `from ${address}`,
  revokedAt: "Revoked",
  tabs: "About this token",
  tab: { permissions: "Permissions", activity: "Activity", usage: "Usage" },
  permissionsTitle: (count: string) => `Permissions (${count})`,
  editPermissions: "Edit permissions",
  noPermissions: "This token has no permissions.",
  edit: "Edit",
  revoke: "Revoke",
};

export const usage = {
  title: "Usage",
  period: "Period",
  periodOf: (days: number | undefined) =>
    days === undefined ? "All (400 days)" : days === 1 ? "Today" : `Last ${days} days`,
  permission: "Permission",
  allowed: "Allowed",
  denied: "Refused",
  lastUsed: "Last used",
  unused: "The token was not used in this period.",
  noOperation: "Unknown endpoint",
  refusals: "Latest refusals",
  refusalsLead: "The latest 20 refused calls with this token.",
  noRefusals: "No call was refused.",
  when: "When",
  call: "Call",
  reason: "Reason",
  address: "Address",
  requestId: "Request id",
  reasons: {
    REVOKED: "The token was revoked",
    NOT_GRANTED: "The token does not hold this permission",
    NO_SUCH_OPERATION: "The endpoint does not exist in the API",
    TARGET_NOT_CANONICAL: "The path was not in canonical form",
    HEADER_NOT_CANONICAL: "A header name had characters that are not allowed",
    RATE_LIMITED: "The organisation’s rate limit was reached",
  },
};
