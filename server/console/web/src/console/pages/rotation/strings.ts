// The texts about the rotation of a token's secret.
import { sentences } from "../../../isolated.ts";

/** How long the old secret lives on after the first use of the new one, by its seconds. */
const lifetimes = { 0: "At once", 600: "10 minutes", 3600: "1 hour", 86400: "1 day" };

export const rotate = sentences({
  action: "Rotate secret",
  title: (name: string) => `Rotate the secret of “${name}”?`,
  lead: "The token gets a new secret, and keeps its permissions and conditions. The old secret works until the new one is used.",
  pending: (newHint: string, oldHint: string) =>
    `A rotation is under way: its new secret (${newHint}) has not been used yet. Rotating again ends that one at once; the old one (${oldHint}) still works.`,
  draining: (until: string) =>
    `A rotation is under way: the old secret ends on ${until}. Until then, the secret can be rotated only if it is known to others.`,
  changed: "The token has changed since you opened this.",
  lifetime: "Once the new secret is used, the old one ends",
  choice: (seconds: keyof typeof lifetimes) =>
    seconds === 0 ? lifetimes[0] : `After ${lifetimes[seconds]}`,
  compromised: "The old secret is known to others: end it now",
  compromisedHint:
    "Every secret the token has now is refused at once. Its callers fail until they have the new one.",
  confirm: "Rotate",
  rotating: "Rotating…",
  secretTitle: "Copy the new secret",
  secretLead: (name: string) =>
    `This is the new secret of “${name}”. Copy it now: it will not be shown again.`,
  secretLabel: "New secret",
  copy: "Copy secret",
  done: "Done",
  oldEnded: "The old secret is refused from now on.",
  oldEnds: (seconds: keyof typeof lifetimes) =>
    seconds === 0
      ? "The old secret works until the new one is first used."
      : `The old secret works until the new one is first used, and for ${lifetimes[seconds]} longer.`,
  rotated: (name: string) => `The secret of “${name}” was rotated.`,
});

export type Lifetime = keyof typeof lifetimes;

export const rotation = sentences({
  title: "Rotation",
  none: "No rotation is under way.",
  pending: (newHint: string, oldHint: string) =>
    `The new secret (${newHint}) has not been used yet. The old one (${oldHint}) still works.`,
  pickedUp: (newHint: string, at: string) =>
    `The new secret (${newHint}) was first used on ${at}.`,
  pickedUpFrom: (newHint: string, at: string, from: string) =>
    `The new secret (${newHint}) was first used on ${at}, from ${from}.`,
  oldEnds: (oldHint: string, at: string) => `The old one (${oldHint}) ends on ${at}.`,
  latestBy: (at: string) => `The old one ends on ${at} at the latest.`,
  started: (at: string) => `Started on ${at}.`,
  startedBy: (at: string, name: string) => `Started on ${at} by ${name}.`,
  callers: { one: "caller", other: "callers" },
  usedBy: (callers: string) => `${callers} used the old secret during the rotation:`,
  stillUsedBy: (callers: string) => `${callers} still used the old secret after that:`,
  unused: "The old secret has not been used since.",
  atLeast: (callers: string) => `At least ${callers}`,
  caption: "Callers that use the old secret",
  address: "Address",
  userAgent: "User agent",
  requests: "Requests",
  last: "Last used",
  cancel: "Cancel rotation",
  endOld: "End the old secret now",
  nowPickedUp: "The new secret was used for the first time.",
  nowEnded: "The rotation has ended: the old secret is refused.",
});

/** Ending a rotation, by the secret that is kept. */
export const endRotation = sentences({
  OLD: {
    title: "Cancel the rotation?",
    lead: (newHint: string, oldHint: string) =>
      `The new secret (${newHint}) is refused from now on, and the old one (${oldHint}) stays. This cannot be undone.`,
    // Not "Cancel rotation": it would stand beside "Cancel".
    confirm: "End the new secret",
    busy: "Ending…",
    done: "The rotation was cancelled.",
  },
  NEW: {
    title: "End the old secret now?",
    lead: (newHint: string, oldHint: string) =>
      `The old secret (${oldHint}) is refused from now on: its callers fail until they have the new one (${newHint}). This cannot be undone.`,
    confirm: "End the old secret",
    busy: "Ending…",
    done: "The old secret has ended.",
  },
  unusedYet: "The new one has not been used yet.",
  changed: (now: string) => `The token has changed since you opened this. ${now}`,
});
