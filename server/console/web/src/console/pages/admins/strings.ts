// The texts of the page of admins and of its dialogs.

export const admins = {
  lead: "Who manages your organisation’s API tokens.",
  invite: "Invite admin",
  name: "Name",
  role: "Role",
  roleMeans: {
    ADMIN: "Manages tokens and admins.",
    AUDITOR: "Reads everything and changes nothing.",
  },
  tokens: "Tokens",
  since: "Since",
  you: "You",
  pending: "Invited",
  more: "Load more",
  actions: "Actions",
  actionsOf: (name: string) => `Actions for ${name}`,
  changeRole: "Change role",
  renew: "New invitation link",
  transfer: "Transfer ownership",
  remove: "Remove",
};

export const adminDialogs = {
  roleTitle: (name: string) => `Role of ${name}`,
  roleChanged: (name: string) => `The role of ${name} was changed.`,
  transferTitle: (name: string) => `Make ${name} the owner?`,
  transferLead: (name: string) =>
    `${name} will own the organisation, and you will be an admin. Only ${name} can give it back.`,
  transfer: "Transfer ownership",
  transferred: (name: string) => `${name} is the owner now.`,
  removeTitle: (name: string) => `Remove ${name}?`,
  removeLead: "They are signed out at once and cannot sign in again. This cannot be undone.",
  removeNone: "They have no tokens.",
  removeTokens: (tokens: string) => `${tokens} that they made will be revoked with them.`,
  remove: "Remove admin",
  removing: "Removing…",
  removed: (name: string, tokens: string) => `${name} was removed, and ${tokens} revoked.`,
};

export const invite = {
  title: "Invite admin",
  name: "Name",
  invite: "Invite",
  inviting: "Inviting…",
  linkTitle: "Send this link",
  linkLead: (name: string, until: string) =>
    `${name} sets a password with it, once, until ${until}. It will not be shown again.`,
  link: "Invitation link",
  copy: "Copy Link",
  done: "Done",
  renewTitle: (name: string) => `New invitation for ${name}?`,
  renewLead: "The link made before will no longer work.",
  renew: "Make a new link",
};
