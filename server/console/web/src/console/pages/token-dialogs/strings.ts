// The texts of the dialogs that add, change and revoke a token.
import { sentences } from "../../../isolated.ts";

export const addToken = sentences({
  title: "Add token",
  name: "Name",
  nameHint: "Name its use, such as “Inventory sync”. At most 100 characters.",
  description: "Description",
  optional: "Optional, at most 1,000 characters.",
  more: "More",
  create: "Create",
  creating: "Creating…",
  secretTitle: "Copy your token",
  secretLead: (name: string) =>
    `This is the secret of “${name}”. Copy it now: it will not be shown again.`,
  secretLabel: "Token",
  copy: "Copy Token",
  next: "Next",
  choiceTitle: "Choose permissions?",
  choiceLead: {
    none: (name: string) =>
      `“${name}” has no permissions yet. Choose them now, or later from its menu.`,
    recipe: (name: string) =>
      `“${name}” has the permissions of its recipe. Change them now, or later from its menu.`,
    chosen: (name: string) =>
      `“${name}” has the permissions that you were shown. Change them now, or later from its menu.`,
  },
  copyOf: (name: string) => `Copy of ${name}`,
  grants: { one: "permission", other: "permissions" },
  follows: (categories: string) =>
    `Follows ${categories}: permissions that later versions of the API add there are granted too.`,
  without: "Without these permissions",
  recipe: "Recipe",
  noRecipe: "None: choose permissions afterwards",
  recipeHint: "The permissions that a program needs.",
  reasons: { one: "permission, and why", other: "permissions, and why" },
  configure: "Configure",
  skip: "Skip",
  added: (name: string) => `“${name}” was added.`,
  lostTitle: "The secret did not arrive",
  lostLead: (name: string) =>
    `The token “${name}” was created, but the answer with its secret was lost. The secret cannot be shown again.`,
  startAgain: "Revoke it and start again",
  keepLost: "Keep it",
});

/** The questions to an admin who adds a token, or edits one of its conditions. */
export const fields = sentences({
  missingName: "Enter a name.",
  expires: "Expires",
  never: "Never",
  inDays: (days: string) => `In ${days}`,
  days: { one: "day", other: "days" },
  onDate: "On a date",
  lastDay: "Last day",
  noEnd: "Works until it is revoked.",
  worksUntil: (at: string) => `Works until ${at}.`,
  chooseDate: "Choose a date.",
  atMost: (days: string) => `The token policy allows at most ${days}.`,
  networks: "Networks",
  networksHint:
    "One a line, at most 50, such as 192.0.2.0/24 or 2001:db8::/32. Empty: it works from anywhere.",
  noNetwork: (place: string) =>
    `Entry ${place} is no network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32.`,
  tooManyNetworks: (most: string) => `Enter at most ${most} networks.`,
  limit: "Requests an hour",
  limitHint:
    "A limit of its own, beside the organisation’s: a whole number up to 1,000,000,000. Empty: none.",
  chooseNumber: (most: string) => `Enter a whole number from 1 to ${most}.`,
  owner: "Owned by",
  me: (name: string) => `Me (${name})`,
  meHint: "It is revoked when you are removed.",
  organisationHint: "It stays when admins are removed.",
  holderMayRotate: "Its holder may rotate the secret",
  withAddress: (name: string, email: string) => `${name} (${email})`,
});

export const conflict = {
  lead: "The token has changed since you opened this. Its current values:",
  takeTheirs: "Use these values",
};

export const expiry = {
  title: "Edit expiry",
  lead: "Requests with this token are refused from that instant on, until it gets a later expiry.",
  saved: "The expiry was saved.",
};

export const networks = {
  title: "Edit networks",
  lead: "Requests with this token from any other address are refused at once.",
  saved: "The networks were saved.",
};

export const limit = {
  title: "Edit rate limit",
  lead: "Requests beyond the limit are refused until the next hour begins.",
  label: "Rate limit",
  saved: "The rate limit was saved.",
};

export const holderMayRotate = {
  title: "Rotation by the holder",
  label: "Holder may rotate",
  lead: "A holder of the secret, such as a secrets manager, may then replace it by a new one.",
  yes: "Yes",
  no: "No",
  saved: "Saved.",
};

export const transfer = {
  title: "Transfer token",
  lead: "The token is revoked when its owner is removed. A token of the organisation stays.",
  transfer: "Transfer",
  gone: "This token has been revoked, or the admin has been removed.",
  saved: "The token was transferred.",
};

export const pause = sentences({
  state: "State",
  title: (name: string) => `Pause “${name}”?`,
  lead: "Requests with this token are refused until you resume it.",
  confirm: "Pause token",
  pausing: "Pausing…",
  paused: (name: string) => `“${name}” is paused.`,
  resumeTitle: (name: string) => `Resume “${name}”?`,
  resumeLead: "Requests with this token are accepted again at once.",
  resumeExpiredLead: "Requests with this token stay refused until it is given a later expiry.",
  resume: "Resume token",
  resuming: "Resuming…",
  resumed: (name: string) => `“${name}” is resumed.`,
});

export const editToken = {
  title: "Edit token",
  renameTitle: "Rename token",
  name: "Name",
  nameHint: "At most 100 characters.",
  description: "Description",
  descriptionHint: "At most 1,000 characters.",
  saved: "Saved.",
};

export const revoke = sentences({
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
});
