// The texts of the audit trail.

export const activity = {
  lead: "Who changed which token, and when.",
  filter: "Show",
  everything: "Everything",
  kind: {
    CREATED: "Tokens created",
    NAME_CHANGED: "Names changed",
    DESCRIPTION_CHANGED: "Descriptions changed",
    PERMISSIONS_EDITED: "Permissions edited",
    REVOKED: "Tokens revoked",
  },
  none: "Nothing has happened yet.",
  noneOfKind: "Nothing of this kind has happened.",
  more: "Load more",
  created: "created the token",
  renamed: "changed the name",
  described: "changed the description",
  permissionsEdited: (granted: string, withdrawn: string) =>
    `edited the permissions (+${granted} −${withdrawn})`,
  revoked: {
    REVOKED: "revoked the token",
    CREATOR_REMOVED: "removed the admin who made the token, and so revoked it",
  },
  from: "from",
  to: "to",
};
