// A new token, as the form that adds it has it.
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { type Expiry, type Lifetimes, usualExpiry } from "./expiry.ts";
import type { Draft } from "./save-changes.ts";
import { addToken as text } from "./strings.ts";

const MAX_NAME_LENGTH = 100;

export interface NewToken extends Draft {
  expiry: Expiry;
  /** One a line. */
  networks: string;
  /** The typed number, or empty for none. */
  limit: string;
  isOwnedByOrganisation: boolean;
  holderMayRotate: boolean;
  /** The slug of the recipe whose permissions it gets; empty for none. */
  recipe: string;
  /** The permissions that it gets besides. */
  keys: readonly string[];
  /** The categories that it follows. */
  follows: readonly string[];
}

export function emptyToken(policy: Lifetimes): NewToken {
  return {
    name: "",
    description: "",
    expiry: usualExpiry(policy),
    networks: "",
    limit: "",
    isOwnedByOrganisation: false,
    holderMayRotate: false,
    recipe: "",
    keys: [],
    follows: [],
  };
}

/** A token like this one, with an expiry of its own and without permissions that are retired. */
export function copyOf(token: TokenDetailsFragment): Partial<NewToken> {
  const { description, networks, requestsPerHour, isOwnedByOrganisation, holderMayRotate } = token;
  return {
    name: [...text.copyOf(token.name)].slice(0, MAX_NAME_LENGTH).join(""),
    description,
    networks: networks.join("\n"),
    limit: requestsPerHour === null ? "" : `${requestsPerHour}`,
    isOwnedByOrganisation,
    holderMayRotate,
    keys: token.permissions.filter(({ retired }) => !retired).map(({ key }) => key),
    follows: token.followedCategories,
  };
}

/** What a link fills in: `?add-token=NAME`, with `description`, `grant` (several), `recipe`. */
export function tokenOfLink(params: URLSearchParams): Partial<NewToken> | undefined {
  const [name, recipe] = [params.get("add-token"), params.get("recipe")];
  if (name === null && recipe === null) return undefined;
  return {
    name: name ?? "",
    description: params.get("description") ?? "",
    recipe: recipe ?? "",
    keys: params.getAll("grant"),
  };
}

/** The address without what a link filled in: a reload must not ask for it again. */
export function withoutToken(params: URLSearchParams): URLSearchParams {
  const left = new URLSearchParams(params);
  for (const name of ["add-token", "description", "grant", "recipe"]) left.delete(name);
  return left;
}
