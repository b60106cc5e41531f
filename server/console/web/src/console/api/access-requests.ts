// The queries of access requests.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import {
  type AccessRequestState,
  AccessRequestsDocument,
  OpenAccessRequestsDocument,
  TokenToGrantDocument,
} from "../../../generated/operations.ts";
import { request } from "./request.ts";

const PAGE = 25;

/** state: null for all. */
export const accessRequestsQuery = (state: AccessRequestState | null) =>
  infiniteQueryOptions({
    queryKey: ["access requests", state],
    queryFn: ({ pageParam }) =>
      request(AccessRequestsDocument, { state, first: PAGE, after: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ accessRequests: { pageInfo } }) =>
      pageInfo.hasNextPage ? pageInfo.endCursor : undefined,
    select: ({ pages }) =>
      pages.flatMap(({ accessRequests }) => accessRequests.edges.map(({ node }) => node)),
  });

/** How many are open: one more than `MAX_OPEN_COUNTED` stands for any more. */
export const openAccessRequestsQuery = queryOptions({
  queryKey: ["open access requests"],
  queryFn: () => request(OpenAccessRequestsDocument, {}),
  select: (data) => data.openAccessRequestCount,
});

export const MAX_OPEN_COUNTED = 99;

export const tokenToGrantQuery = (id: string) =>
  queryOptions({
    queryKey: ["token to grant", id],
    queryFn: () => request(TokenToGrantDocument, { id }),
    select: (data) => data.token,
  });
