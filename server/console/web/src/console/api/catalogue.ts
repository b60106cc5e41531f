// The queries of the API's versions and of recipes.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import {
  CatalogueNoticesDocument,
  CatalogueVersionsDocument,
  RecipesDocument,
} from "../../../generated/operations.ts";
import { request } from "./request.ts";

const PAGE = 10;

export const noticesQuery = queryOptions({
  queryKey: ["catalogue notices"],
  queryFn: () => request(CatalogueNoticesDocument, {}),
  select: (data) => data.catalogueNotices,
  staleTime: Number.POSITIVE_INFINITY,
});

export const versionsQuery = infiniteQueryOptions({
  queryKey: ["catalogue versions"],
  queryFn: ({ pageParam }) =>
    request(CatalogueVersionsDocument, { first: PAGE, after: pageParam }),
  initialPageParam: null as string | null,
  getNextPageParam: ({ catalogueVersions: { pageInfo } }) =>
    pageInfo.hasNextPage ? pageInfo.endCursor : undefined,
  select: (data) =>
    data.pages.flatMap((page) => page.catalogueVersions.edges.map((edge) => edge.node)),
});

export const recipesQuery = queryOptions({
  queryKey: ["recipes"],
  queryFn: () => request(RecipesDocument, {}),
  select: (data) => data.recipes,
  staleTime: Number.POSITIVE_INFINITY,
});
