// The texts of the page of access requests.
import { sentences } from "../../../isolated.ts";

export const requests = sentences({
  lead: "Holders of tokens ask for permissions that their tokens lack.",
  state: "State",
  states: {
    OPEN: "Open",
    GRANTED: "Granted",
    DECLINED: "Declined",
    ENDED: "Ended",
    ALL: "All",
  },
  none: "No requests in this state.",
  noneOpen: "No open requests.",
  token: "Token",
  permission: "Permission",
  reason: "Reason",
  asked: "Asked",
  from: (address: string) => `from ${address}`,
  refused: "Refused",
  refusedLately: "in 30 days",
  decision: "Decision",
  by: (name: string) => `by ${name}`,
  ended: "The token was revoked",
  declinedFor: (reason: string) => `Reason: ${reason}`,
  actions: "Actions",
  grant: "Grant",
  grantOf: (permission: string, token: string) => `Grant ${permission} to ${token}`,
  decline: "Decline",
  declineOf: (permission: string, token: string) => `Decline ${permission} for ${token}`,
});

export const decide = sentences({
  grantTitle: (token: string) => `Grant this permission to ${token}?`,
  grantLead: "The holder of the token may make these calls at once.",
  grant: "Grant",
  granting: "Granting…",
  granted: (permission: string, token: string) => `${permission} was granted to ${token}.`,
  declineTitle: (token: string) => `Decline the request of ${token}?`,
  reason: "Reason",
  reasonHint: "The holder of the token reads it. 1 to 500 characters.",
  decline: "Decline",
  declining: "Declining…",
  declined: "The request was declined.",
});

export const linked = sentences({
  title: "Grant a refused call",
  lead: (token: string) => `A call with the token ${token} was refused. It needs this permission:`,
  held: (token: string) => `${token} holds this permission already.`,
  gone: "The token of this link does not exist, or was revoked.",
  auditor: "Ask an admin to grant it.",
});
