// The conditions of a token in words: on its page, after a conflict, and in the audit trail.
import type { TokenState } from "../../../generated/operations.ts";
import { formats } from "../formats.ts";
import { shared } from "../strings.ts";
import { conditions as text } from "./strings.ts";

export interface Owner {
  owner: { name: string } | null;
  isOwnedByOrganisation: boolean;
}

export const words = {
  state: ({ state }: { state: TokenState }): string => text.state[state],
  expiry: (at: string | null): string => (at === null ? text.never : formats.instant(at)),
  networks: (networks: readonly string[]): string => networks.join(", ") || text.anywhere,
  limit: (requests: number | null): string =>
    requests === null ? text.noLimit : text.anHour(formats.number(requests)),
  owner: ({ owner, isOwnedByOrganisation }: Owner, tenant: { name: string }): string =>
    isOwnedByOrganisation
      ? shared.organisation(tenant.name)
      : (owner?.name ?? shared.formerAdmin),
};
