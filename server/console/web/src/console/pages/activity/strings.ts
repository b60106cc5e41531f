// The texts of the audit trail.

export const activity = {
  lead: "All changes to your organisation’s tokens, newest first.",
  filter: "Show",
  everything: "Everything",
  kind: {
    CREATED: "Tokens created",
    NAME_CHANGED: "Names changed",
    DESCRIPTION_CHANGED: "Descriptions changed",
    PERMISSIONS_EDITED: "Permissions edited",
    REVOKED: "Tokens revoked",
  },
  none: "No activity yet.",
  noneOfKind: "No activity of this kind.",
  more: "Load more",
  created: "created the token",
  renamed: "changed the name",
  described: "changed the description",
  permissionsEdited: (granted: string, withdrawn: string) =>
    `edited the permissions (+${granted} −${withdrawn})`,
  revoked: {
    REVOKED: "revoked the token",
    CREATOR_REMOVED: "removed the admin who created the token, which revoked it",
  },
  from: "from",
  to: "to",
};
