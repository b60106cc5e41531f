// The queries of the audit trail, by key.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import {
  ActivityAdminsDocument,
  type ActivityAdminsQuery,
  type ActivityFilter,
  ActivitySubjectDocument,
  FilteredActivityDocument,
} from "../../../generated/operations.ts";
import { request } from "./request.ts";

const PAGE = 25;
const MAX_ADMIN_PAGES = 20;

export const activityQuery = (filter: ActivityFilter) =>
  infiniteQueryOptions({
    queryKey: ["activity", filter],
    queryFn: async ({ pageParam }) => {
      const page = { first: PAGE, after: pageParam, filter };
      return (await request(FilteredActivityDocument, page)).activity;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined),
    placeholderData: keepPreviousData,
  });

/** The tenant's admins, removed ones too: up to 2,000. */
export const activityAdminsQuery = queryOptions({
  queryKey: ["activity admins"],
  queryFn: async () => {
    const found: ActivityAdminsQuery["admins"]["edges"][number]["node"][] = [];
    let after: string | null = null;
    for (let page = 0; page < MAX_ADMIN_PAGES; page += 1) {
      const { admins }: ActivityAdminsQuery = await request(ActivityAdminsDocument, { after });
      found.push(...admins.edges.map((edge) => edge.node));
      if (!admins.pageInfo.hasNextPage) break;
      after = admins.pageInfo.endCursor;
    }
    return found;
  },
});

/** The name of a token, or the address of a webhook; null for another object. */
export const activitySubjectQuery = (id: string) =>
  queryOptions({
    queryKey: ["activity subject", id],
    queryFn: () => request(ActivitySubjectDocument, { id }),
    select: ({ node }) => {
      if (node?.__typename === "Token") return node.name;
      return node?.__typename === "Webhook" ? node.url : null;
    },
  });
