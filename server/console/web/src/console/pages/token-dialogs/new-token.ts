// A new token, as the form that adds it has it.
import { type Expiry, NEVER } from "./expiry-field.tsx";
import type { Draft } from "./save-changes.ts";

export interface NewToken extends Draft {
  expiry: Expiry;
  /** One a line. */
  networks: string;
  /** The typed number, or empty for none. */
  limit: string;
  isOwnedByOrganisation: boolean;
  holderMayRotate: boolean;
}

export const EMPTY: NewToken = {
  name: "",
  description: "",
  expiry: NEVER,
  networks: "",
  limit: "",
  isOwnedByOrganisation: false,
  holderMayRotate: false,
};
