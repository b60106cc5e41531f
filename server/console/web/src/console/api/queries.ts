// The pages' queries, by key. After any change, `useRefresh` drops or refetches all that was read.
import {
  infiniteQueryOptions,
  keepPreviousData,
  type Query,
  queryOptions,
  useQueryClient,
} from "@tanstack/react-query";
import {
  AdminsDocument,
  CategoriesDocument,
  type CategoriesQuery,
  RightSizeDocument,
  TokenCountDocument,
  TokenDocument,
  TokenPolicyDocument,
  TokenRemindersDocument,
  TokensDocument,
  TokenUsageDocument,
  TokenUseByDayDocument,
  ViewCountsDocument,
  type ViewCountsQuery,
} from "../../../generated/operations.ts";
import { request } from "./request.ts";
import { Trouble } from "../trouble.ts";
import { daysAgo, type Filters, filterOf, PAGE_SIZES, type Place } from "./token-filter.ts";

export const tokensQuery = (place: Place) =>
  queryOptions({
    queryKey: ["tokens", place],
    queryFn: () => {
      const list = { filter: filterOf(place), orderBy: place.order ?? null };
      const size = Number(place.size ?? PAGE_SIZES[0]);
      return place.before
        ? request(TokensDocument, { ...list, last: size, before: place.before })
        : request(TokensDocument, { ...list, first: size, after: place.after ?? null });
    },
    select: (data) => data.tokens,
    placeholderData: keepPreviousData,
  });

/** How many tokens meet the filters: one more than `MAX_COUNTED` stands for any more. */
export const tokenCountQuery = (filters: Filters) =>
  queryOptions({
    queryKey: ["token count", filters],
    queryFn: () => request(TokenCountDocument, { filter: filterOf(filters) }),
    select: (data) => data.tokenCount,
    placeholderData: keepPreviousData,
  });

export const MAX_COUNTED = 10_000;

/** How many tokens each of these views lists, counted by one request; empty if they are too many. */
export const viewCountsQuery = (views: ViewFilters) =>
  queryOptions({
    queryKey: ["view counts", views],
    queryFn: async () => {
      const { all, mine, unused, never, ending, paused, revoked } = views;
      return request(ViewCountsDocument, {
        all: filterOf(all),
        mine: filterOf(mine),
        unused: filterOf(unused),
        never: filterOf(never),
        ending: filterOf(ending),
        paused: filterOf(paused),
        revoked: filterOf(revoked),
      });
    },
    placeholderData: keepPreviousData,
  });

export type ViewName = Exclude<keyof ViewCountsQuery, "__typename">;
export type ViewFilters = Record<ViewName, Filters>;

export const tokenQuery = (id: string) =>
  queryOptions({
    queryKey: ["token", id],
    queryFn: () => request(TokenDocument, { id }),
    select: (data) => data.token,
  });

/** The tokens that need care, beside those that end soon. */
export const tokenRemindersQuery = queryOptions({
  queryKey: ["token reminders"],
  queryFn: () => request(TokenRemindersDocument, {}),
  select: (data) => data.tokenReminders,
});

export const tokenPolicyQuery = queryOptions({
  queryKey: ["token policy"],
  queryFn: () => request(TokenPolicyDocument, {}),
  select: (data) => data.tenant.tokenPolicy,
});

const CATEGORIES = 32;

export const categoriesQuery = queryOptions({
  queryKey: ["categories"],
  queryFn: allCategories,
  staleTime: Number.POSITIVE_INFINITY,
});

/** All at once, or in parts where they are more than one answer may have. */
async function allCategories(): Promise<CategoriesQuery["permissionCategories"]> {
  try {
    return (await request(CategoriesDocument, { first: null, after: null })).permissionCategories;
  } catch (error) {
    if (!(error instanceof Trouble) || error.code !== "QUERY_TOO_COMPLEX") throw error;
  }
  const found: CategoriesQuery["permissionCategories"] = [];
  for (let after: string | null = null; ; after = found.at(-1)?.name ?? null) {
    const page: CategoriesQuery = await request(CategoriesDocument, { first: CATEGORIES, after });
    found.push(...page.permissionCategories);
    if (page.permissionCategories.length < CATEGORIES) return found;
  }
}

/** days: how many to count back, including today; undefined for all. */
export const usageQuery = (id: string, days: number | undefined) =>
  queryOptions({
    queryKey: ["usage", id, days],
    queryFn: () => {
      const since = days === undefined ? null : daysAgo(days - 1);
      return request(TokenUsageDocument, { id, since });
    },
    select: (data) => data.token,
    placeholderData: keepPreviousData,
  });

/** Calls on each of the last days, today included; days without any are missing. */
export const useByDayQuery = (id: string, days: number) =>
  queryOptions({
    queryKey: ["use by day", id, days],
    queryFn: () => request(TokenUseByDayDocument, { id, days }),
    select: (data) => data.token?.usageByDay,
  });

export const rightSizeQuery = (id: string, days: number) =>
  queryOptions({
    queryKey: ["right size", id, days],
    queryFn: () => request(RightSizeDocument, { id, days }),
    select: (data) => data.token?.rightSize,
    placeholderData: keepPreviousData,
  });

export const adminsQuery = infiniteQueryOptions({
  queryKey: ["admins"],
  queryFn: ({ pageParam }) => request(AdminsDocument, { first: 100, after: pageParam }),
  initialPageParam: null as string | null,
  getNextPageParam: ({ admins }) =>
    admins.pageInfo.hasNextPage ? admins.pageInfo.endCursor : undefined,
  select: (data) => data.pages.flatMap((page) => page.admins.edges.map((edge) => edge.node)),
});

/**
 * Refetches everything on screen and resolves when it is shown. Pages left before are
 * forgotten: no later visit shows, even for a moment, the state before the change.
 */
export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    const mayHaveChanged = ({ queryKey }: Query) => queryKey[0] !== categoriesQuery.queryKey[0];
    client.removeQueries({ type: "inactive", predicate: mayHaveChanged });
    await client.invalidateQueries();
    // The pages hear of it one task later. A dialog that closes before would give the focus back to
    // a button that is about to go.
    await new Promise((resolve) => setTimeout(resolve));
  };
}
