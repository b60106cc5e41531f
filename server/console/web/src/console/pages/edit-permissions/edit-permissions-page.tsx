// The page that edits the permissions of a token, once token and permissions are loaded.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { categoriesQuery, tokenQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Loading, Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { paths } from "../../paths.ts";
import { BackToTokens } from "../back-to-tokens.tsx";
import { NoSuchToken } from "../no-such-token.tsx";
import { Grid } from "./grid.tsx";
import { grid as text } from "./strings.ts";

export function EditPermissionsPage({ id }: { id: string }) {
  const token = useQuery(tokenQuery(id));
  const categories = useQuery(categoriesQuery);
  const { mayChange } = useViewer();
  const error = token.error ?? categories.error;
  if (token.isPending || categories.isPending) return <Loading />;
  // Keep the loaded data if refetching fails: the user is working on it.
  if (token.data === undefined || categories.data === undefined) {
    const retry = (): void => void Promise.all([token.refetch(), categories.refetch()]);
    return (
      <Page title={text.pageTitle} above={<BackToTokens />}>
        <TroubleNote error={error} onRetry={retry} />
      </Page>
    );
  }
  if (!token.data || token.data.revokedAt) return <NoSuchToken />;
  if (!mayChange) return <MayNotChange token={token.data} />;
  return <Grid key={id} token={token.data} categories={categories.data} />;
}

/** Shown to a user who may not change tokens: by a shared link, or after a change of role. */
function MayNotChange({ token }: { token: TokenDetailsFragment }) {
  return (
    <Page title={text.title(token.name)} above={<BackToTokens />}>
      <p>{text.mayNotChange}</p>
      <Link href={paths.token(token.id)}>{text.view}</Link>
    </Page>
  );
}
