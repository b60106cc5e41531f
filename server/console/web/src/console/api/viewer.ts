// The signed-in admin and their tenant, loaded before the first page is shown.
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { ApiUrlDocument, ViewerDocument, type ViewerQuery } from "../../../generated/operations.ts";
import { request } from "./request.ts";

export const viewerQuery = queryOptions({
  queryKey: ["viewer"],
  queryFn: () => request(ViewerDocument, {}),
});

/** The API's URL, read anew: the first token brings it. */
export const apiUrlQuery = queryOptions({
  queryKey: ["api url"],
  queryFn: () => request(ApiUrlDocument, {}),
  select: (data) => data.tenant,
});

export interface Viewer {
  admin: ViewerQuery["viewer"];
  tenant: ViewerQuery["tenant"];
  /** False for auditors, who may only read: they get no button that would fail. */
  mayChange: boolean;
  isOwner: boolean;
}

export function useViewer(): Viewer {
  const { viewer, tenant } = useSuspenseQuery(viewerQuery).data;
  return {
    admin: viewer,
    tenant,
    mayChange: viewer.role !== "AUDITOR",
    isOwner: viewer.role === "OWNER",
  };
}
