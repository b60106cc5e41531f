// The texts of the page of admins and of its dialogs.
import { sentences } from "../../../isolated.ts";

export const admins = sentences({
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
  actions: "Actions",
  actionsOf: (name: string) => `Actions for ${name}`,
  changeRole: "Change role",
  renew: "New invitation link",
  transfer: "Transfer ownership",
  remove: "Remove",
});

export const adminDialogs = sentences({
  roleTitle: (name: string) => `Role of ${name}`,
  roleKeeps: "A change of role keeps their tokens: those of an auditor go on working.",
  roleChanged: (name: string) => `The role of ${name} was changed.`,
  transferTitle: (name: string) => `Make ${name} the owner?`,
  transferLead: (name: string) =>
    `${name} becomes the owner and you become an admin. Only ${name} can transfer ownership back.`,
  transfer: "Transfer ownership",
  transferred: (name: string) => `${name} is the owner now.`,
});

export const removal = sentences({
  title: (name: string) => `Remove ${name}?`,
  lead: "They are signed out at once and cannot sign in again. This cannot be undone.",
  none: "They own no tokens.",
  owned: (tokens: string, used: string) =>
    `They own ${tokens}, of which ${used} used in the last 30 days.`,
  usedCount: { one: "was", other: "were" },
  keeps: "Tokens of the organisation stay, also those that they created.",
  others: "All tokens without a choice of their own",
  sameAsOthers: "As chosen for all others",
  revoke: "Revoke",
  transferTo: (owner: string) => `Transfer to ${owner}`,
  choiceFor: (token: string) => `Choice for ${token}`,
  table: "Tokens that they own",
  token: "Token",
  callers: "Last used",
  stops: "What stops if it is revoked",
  choice: "Choice",
  never: "Never",
  usedBy: (address: string, agent: string) => (agent === "" ? address : `${address}, ${agent}`),
  noCalls: "No calls in the last 30 days",
  calls: { one: "call", other: "calls" },
  call: (name: string, calls: string) => `${name}: ${calls}`,
  moreCalls: (count: string) => `${count} more`,
  outcome: (revoked: string, transferred: string) =>
    `${revoked} will be revoked: callers are refused from then on.` +
    ` ${transferred} will be transferred, and go on working.`,
  changed: "Their tokens have changed meanwhile. Nothing was changed: check the list again.",
  remove: "Remove admin",
  removing: "Removing…",
  removed: (name: string, revoked: string, transferred: string) =>
    `${name} was removed: ${revoked} revoked, ${transferred} transferred.`,
});

export const invite = sentences({
  title: "Invite admin",
  name: "Name",
  nameHint: "At most 100 characters.",
  missingName: "Enter a name.",
  missingEmail: "Enter an e-mail address.",
  invite: "Invite",
  inviting: "Inviting…",
  linkTitle: "Send this link",
  linkLead: (name: string, until: string) =>
    `${name} can use it once, until ${until}, to set a password. It will not be shown again.`,
  sentTitle: "This link is sent by e-mail",
  sentLead: (name: string, until: string) =>
    `${name} gets it by e-mail, and can use it once, until ${until}, to set a password. It will not be shown again.`,
  signInWith: "They sign in with their e-mail address and your organisation’s short name:",
  link: "Invitation link",
  copy: "Copy Link",
  done: "Done",
  renewTitle: (name: string) => `New invitation for ${name}?`,
  renewLead: "The previous link will stop working.",
  renew: "Create a new link",
});
