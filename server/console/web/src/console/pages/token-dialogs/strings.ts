// The texts of the dialogs that add, edit and revoke a token.

export const addToken = {
  title: "Add token",
  name: "Name",
  nameHint: "What will use it, such as “Inventory sync”.",
  description: "Description",
  optional: "Optional.",
  create: "Create",
  creating: "Creating…",
  secretTitle: "Copy your token",
  secretLead: (name: string) =>
    `This is the secret of “${name}”. Copy it to where it will be used: it will not be shown again.`,
  secretLabel: "Token",
  copy: "Copy Token",
  next: "Next",
  choiceTitle: "What may it call?",
  choiceLead: (name: string) =>
    `“${name}” opens nothing yet. Choose its permissions now, or later from its menu.`,
  configure: "Configure",
  skip: "Skip",
  added: (name: string) => `“${name}” was added.`,
  lostTitle: "The secret did not arrive",
  lostLead: (name: string) =>
    `The token “${name}” was made, but its secret was lost on the way and cannot be shown again.`,
  startAgain: "Revoke it and start again",
  keepLost: "Leave it",
};

export const editToken = {
  title: "Edit token",
  renameTitle: "Rename token",
  name: "Name",
  description: "Description",
  conflict: "Another admin has changed this token meanwhile. It is now:",
  takeTheirs: "Start from theirs",
  saved: "Saved.",
};

export const revoke = {
  title: (name: string) => `Revoke “${name}”?`,
  lead: "Whatever uses this token is refused from the next call on. This cannot be undone.",
  endpoints: { one: "endpoint", other: "endpoints" },
  stops: (endpoints: string) => `It opens ${endpoints} now, and will open none.`,
  lastUsed: (when: string, from: string) => `Last used ${when}, from ${from}.`,
  neverUsed: "It has never been used.",
  unknown: "an unknown address",
  confirm: "Revoke token",
  revoking: "Revoking…",
  revoked: (name: string) => `“${name}” was revoked.`,
};
