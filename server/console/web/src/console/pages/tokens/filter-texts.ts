// The filters in words, as chips show them.
import { useAllAdmins } from "../../api/all-admins.ts";
import { isDate, ORGANISATION, type Place } from "../../api/token-filter.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { shared } from "../../strings.ts";
import { conditions } from "../strings.ts";
import { activeFilters, type FilterName } from "./place.ts";
import { filters as text } from "./strings.ts";

/** The filters that are set, each with its words. */
export function useFilterTexts(place: Place): { name: FilterName; words: string }[] {
  const owner = useOwnerName(place.owner);
  return activeFilters(place).map((name) => ({ name, words: wordsOf(name, place, owner) }));
}

function useOwnerName(owner: string | undefined): string {
  const { tenant } = useViewer();
  const { admins } = useAllAdmins(owner !== undefined && owner !== ORGANISATION);
  if (owner === ORGANISATION) return shared.organisation(tenant.name);
  return admins?.find(({ id }) => id === owner)?.name ?? text.someAdmin;
}

function wordsOf(name: FilterName, place: Place, owner: string): string {
  const { state, unused = "", expires = "", permission = "" } = place;
  switch (name) {
    case "state":
      return state === undefined ? "" : text.inState(conditions.state[state]);
    case "owner":
      return text.ownedBy(owner);
    case "unused":
      return unused === "never" ? text.neverUsed : text.unusedFor(unused);
    case "expires":
      return isDate(expires)
        ? text.expiresBy(formats.day(`${expires}T00:00`))
        : text.expiresWithin(expires);
    case "permission":
      return text.may(permission);
  }
}
