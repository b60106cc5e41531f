// The queries of webhooks, by key.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { WebhookDeliveriesDocument, WebhooksDocument } from "../../../generated/operations.ts";
import { request } from "./request.ts";

const PAGE = 25;

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks"],
  queryFn: () => request(WebhooksDocument, {}),
  select: (data) => data.webhooks,
});

export const deliveriesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["deliveries", id],
    queryFn: async ({ pageParam }) => {
      const variables = { id, first: PAGE, after: pageParam };
      const { node } = await request(WebhookDeliveriesDocument, variables);
      return node?.__typename === "Webhook" ? node.deliveries : null;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined),
    select: (data) => data.pages.flatMap((page) => page?.edges.map((edge) => edge.node) ?? []),
    placeholderData: keepPreviousData,
  });
