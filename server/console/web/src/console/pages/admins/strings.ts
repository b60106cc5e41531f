// The texts of the page of admins and of its dialogs.

export const admins = {
  lead: "The people who manage your organisation’s API tokens.",
  invite: "Invite admin",
  name: "Name",
  role: "Role",
  roleHint: {
    ADMIN: "Manages tokens and admins.",
    AUDITOR: "Views everything, but changes nothing.",
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
  roleKeeps: "A change of role keeps their tokens: those of an auditor go on working.",
  roleChanged: (name: string) => `The role of ${name} was changed.`,
  transferTitle: (name: string) => `Make ${name} the owner?`,
  transferLead: (name: string) =>
    `${name} becomes the owner and you become an admin. Only ${name} can transfer ownership back.`,
  transfer: "Transfer ownership",
  transferred: (name: string) => `${name} is the owner now.`,
  removeTitle: (name: string) => `Remove ${name}?`,
  removeLead: "They are signed out at once and cannot sign in again. This cannot be undone.",
  removeNone: "They own no tokens.",
  removeTokens: (tokens: string) => `This also revokes ${tokens} that they own.`,
  removeKeeps: "Tokens of the organisation stay, whoever created them.",
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
    `${name} can use it once, until ${until}, to set a password. It will not be shown again.`,
  link: "Invitation link",
  copy: "Copy Link",
  done: "Done",
  renewTitle: (name: string) => `New invitation for ${name}?`,
  renewLead: "The previous link will stop working.",
  renew: "Create a new link",
};
