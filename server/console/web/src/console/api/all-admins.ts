// All admins of the tenant, page after page, for a choice among them.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { AdminRowFragment } from "../../../generated/operations.ts";
import { adminsQuery } from "./queries.ts";

interface AllAdmins {
  /** Undefined until the first page is read. */
  admins: readonly AdminRowFragment[] | undefined;
  error: unknown;
}

/** isNeeded: reads nothing until then. */
export function useAllAdmins(isNeeded = true): AllAdmins {
  const query = useInfiniteQuery({ ...adminsQuery, enabled: isNeeded });
  const { data: admins, error, hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (isNeeded && hasNextPage && !isFetching && error === null) void fetchNextPage();
  }, [isNeeded, hasNextPage, isFetching, error, fetchNextPage]);
  return { admins, error };
}
