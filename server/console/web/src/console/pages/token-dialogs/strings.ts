// The texts of the dialogs that add, edit and revoke a token.

export const addToken = {
  title: "Add token",
  name: "Name",
  nameHint: "Name its use, such as “Inventory sync”.",
  description: "Description",
  optional: "Optional.",
  create: "Create",
  creating: "Creating…",
  secretTitle: "Copy your token",
  secretLead: (name: string) =>
    `This is the secret of “${name}”. Copy it now: it will not be shown again.`,
  secretLabel: "Token",
  copy: "Copy Token",
  next: "Next",
  choiceTitle: "Choose permissions?",
  choiceLead: (name: string) =>
    `“${name}” has no permissions yet. Choose them now, or later from its menu.`,
  configure: "Configure",
  skip: "Skip",
  added: (name: string) => `“${name}” was added.`,
  lostTitle: "The secret did not arrive",
  lostLead: (name: string) =>
    `The token “${name}” was created, but the answer with its secret was lost. The secret cannot be shown again.`,
  startAgain: "Revoke it and start again",
  keepLost: "Keep it",
};

export const editToken = {
  title: "Edit token",
  renameTitle: "Rename token",
  name: "Name",
  description: "Description",
  conflict: "Another admin has changed this token. Its current values:",
  takeTheirs: "Use these values",
  saved: "Saved.",
};

export const revoke = {
  title: (name: string) => `Revoke “${name}”?`,
  lead: "Calls with this token will be refused at once. This cannot be undone.",
  endpoints: { one: "endpoint", other: "endpoints" },
  access: (endpoints: string) => `It gives access to ${endpoints}.`,
  lastUsed: (when: string, from: string) => `Last used ${when}, from ${from}.`,
  neverUsed: "It has never been used.",
  unknown: "an unknown address",
  confirm: "Revoke token",
  revoking: "Revoking…",
  revoked: (name: string) => `“${name}” was revoked.`,
};
