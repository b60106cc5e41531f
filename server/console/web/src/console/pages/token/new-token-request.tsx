// How to call the API with a token of today that was never used.
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { FirstRequest, isFirstDay } from "../first-request.tsx";

export function NewTokenRequest({ token }: { token: TokenDetailsFragment }) {
  const { apiUrl, docsUrl } = useViewer().tenant;
  const isNew = isFirstDay(token.createdAt) && token.lastUsedAt === null && !token.revokedAt;
  const endpoints = token.permissions.filter(({ retired }) => !retired);
  if (!isNew || apiUrl === null || endpoints.length === 0) return null;
  return <FirstRequest apiUrl={apiUrl} docsUrl={docsUrl} endpoints={endpoints} />;
}
