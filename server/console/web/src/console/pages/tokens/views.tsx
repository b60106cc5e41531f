// Views of the list that are asked for most often, each a link with its number of tokens.
import "./views.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { MAX_COUNTED, type ViewFilters, type ViewName, viewCountsQuery } from "../../api/queries.ts";
import type { Filters, Place } from "../../api/token-filter.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { activeFilters, addressOf, FILTERS, shapeOf } from "./place.ts";
import { views as text } from "./strings.ts";

const NAMES = Object.keys(text.name) as ViewName[];

interface Props {
  place: Place;
  /** Whether the list is read: it comes first. */
  mayCount: boolean;
}

export function Views({ place, mayCount }: Props) {
  const views = viewsOf(useViewer().admin.id);
  const { data: counts } = useQuery({ ...viewCountsQuery(views), enabled: mayCount });
  const current = currentView(place, views);
  return (
    <nav className="views" aria-label={text.label}>
      <ul>
        {NAMES.map((name) => (
          <li key={name}>
            <Link
              href={addressOf({ ...shapeOf(place), ...views[name], search: place.search })}
              className="view"
              aria-current={name === current ? "true" : undefined}
            >
              {text.name[name]}
              {counts && <span className="view-count"> {inWords(counts[name])}</span>}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function viewsOf(admin: string): ViewFilters {
  return {
    all: { search: "" },
    mine: { search: "", owner: admin },
    unused: { search: "", unused: "90" },
    never: { search: "", unused: "never" },
    ending: { search: "", expires: "30" },
    paused: { search: "", state: "PAUSED" },
    revoked: { search: "", state: "REVOKED" },
  };
}

/** The view that has exactly the filters of a place, whatever is searched in it. */
export function useCurrentView(place: Place): ViewName | undefined {
  return currentView(place, viewsOf(useViewer().admin.id));
}

function currentView(place: Place, views: ViewFilters): ViewName | undefined {
  const isSame = (view: Filters): boolean => FILTERS.every((name) => view[name] === place[name]);
  return activeFilters(place).length === 0 ? "all" : NAMES.find((name) => isSame(views[name]));
}

function inWords(count: number): string {
  return count > MAX_COUNTED ? text.more(formats.number(MAX_COUNTED)) : formats.number(count);
}
