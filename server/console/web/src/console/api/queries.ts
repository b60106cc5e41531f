// The pages' queries, by key. After any change, `useRefresh` drops or refetches all that was read.
import {
  infiniteQueryOptions,
  keepPreviousData,
  type Query,
  queryOptions,
  useQueryClient,
} from "@tanstack/react-query";
import {
  type ActivityKind,
  AdminsDocument,
  CategoriesDocument,
  TenantActivityDocument,
  TokenActivityDocument,
  TokenDocument,
  TokensDocument,
  TokenUsageDocument,
} from "../../../generated/operations.ts";
import { request } from "./request.ts";

const PAGE = 25;

export interface Place {
  search: string;
  after?: string;
  before?: string;
}

export const tokensQuery = (place: Place) =>
  queryOptions({
    queryKey: ["tokens", place],
    queryFn: () => {
      const search = place.search || null;
      return place.before
        ? request(TokensDocument, { last: PAGE, before: place.before, search })
        : request(TokensDocument, { first: PAGE, after: place.after ?? null, search });
    },
    select: (data) => data.tokens,
    placeholderData: keepPreviousData,
  });

export const tokenQuery = (id: string) =>
  queryOptions({
    queryKey: ["token", id],
    queryFn: () => request(TokenDocument, { id }),
    select: (data) => data.token,
  });

export const categoriesQuery = queryOptions({
  queryKey: ["categories"],
  queryFn: () => request(CategoriesDocument, {}),
  select: (data) => data.permissionCategories,
  staleTime: Number.POSITIVE_INFINITY,
});

/** tokenId: undefined for the whole tenant. kind: undefined for all kinds. */
export const activityQuery = (tokenId: string | undefined, kind: ActivityKind | undefined) =>
  infiniteQueryOptions({
    queryKey: ["activity", tokenId, kind],
    queryFn: async ({ pageParam }) => {
      const page = { first: PAGE, after: pageParam, kind: kind ?? null };
      if (tokenId === undefined) return (await request(TenantActivityDocument, page)).activity;
      return (await request(TokenActivityDocument, { ...page, id: tokenId })).tokenActivity;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined),
    placeholderData: keepPreviousData,
  });

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

export const adminsQuery = infiniteQueryOptions({
  queryKey: ["admins"],
  queryFn: ({ pageParam }) => request(AdminsDocument, { first: 100, after: pageParam }),
  initialPageParam: null as string | null,
  getNextPageParam: ({ admins }) =>
    admins.pageInfo.hasNextPage ? admins.pageInfo.endCursor : undefined,
  select: (data) => data.pages.flatMap((page) => page.admins.edges.map((edge) => edge.node)),
});

/**
 * Refetches everything on screen and resolves when it has arrived. Pages left before are
 * forgotten: no later visit shows, even for a moment, the state before the change.
 */
export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => {
    const mayHaveChanged = ({ queryKey }: Query) => queryKey[0] !== categoriesQuery.queryKey[0];
    client.removeQueries({ type: "inactive", predicate: mayHaveChanged });
    return client.invalidateQueries();
  };
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 24 * 60 * 60 * 1000).toISOString();
}
