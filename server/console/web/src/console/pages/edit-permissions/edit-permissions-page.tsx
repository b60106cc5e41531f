// The page that edits the permissions of a token, once token and permissions are loaded.
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch, useSearchParams } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { recipesQuery } from "../../api/catalogue.ts";
import { categoriesQuery, rightSizeQuery, tokenQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Loading, Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { paths } from "../../paths.ts";
import { BackToTokens } from "../back-to-tokens.tsx";
import { NoSuchToken } from "../no-such-token.tsx";
import { DEFAULT_DAYS, daysOf, suggestionOf } from "../right-size/suggestion.ts";
import { Grid } from "./grid.tsx";
import { grid as text } from "./strings.ts";

export function EditPermissionsPage({ id }: { id: string }) {
  const token = useQuery(tokenQuery(id));
  const categories = useQuery(categoriesQuery);
  const recipes = useQuery(recipesQuery);
  const [params] = useSearchParams();
  const days = daysOf(useSearch());
  const use = useQuery({
    ...rightSizeQuery(id, days ?? DEFAULT_DAYS),
    enabled: days !== undefined,
  });
  const { mayChange } = useViewer();
  const waits = days !== undefined;
  const error = token.error ?? categories.error ?? (waits ? use.error : null);
  const isLoading = token.isPending || categories.isPending || recipes.isPending;
  // The selection starts from it, and not from that of another period.
  const isUseRead = !use.isPending && !use.isPlaceholderData;
  if (isLoading || (waits && !isUseRead)) return <Loading />;
  // Keep the loaded data if refetching fails: the user is working on it.
  const lacksUse = waits && use.data === undefined && token.data !== null;
  if (token.data === undefined || categories.data === undefined || lacksUse) {
    const queries = waits ? [token, categories, use] : [token, categories];
    const retry = (): void => void Promise.all(queries.map((query) => query.refetch()));
    return (
      <Page title={text.pageTitle} above={<BackToTokens from={id} />}>
        <TroubleNote error={error} onRetry={retry} />
      </Page>
    );
  }
  if (!token.data || token.data.revokedAt) return <NoSuchToken />;
  if (!mayChange) return <MayNotChange token={token.data} />;
  const suggestion = waits && use.data ? suggestionOf(use.data, days) : undefined;
  return (
    <Grid
      key={`${id} ${days}`}
      token={token.data}
      categories={categories.data}
      // The grid does without them, if they cannot be loaded.
      recipes={recipes.data ?? []}
      asked={params.get("recipe") ?? undefined}
      suggestion={suggestion}
    />
  );
}

/** Shown to a user who may not change tokens: by a shared link, or after a change of role. */
function MayNotChange({ token }: { token: TokenDetailsFragment }) {
  return (
    <Page title={text.title(token.name)} above={<BackToTokens from={token.id} />}>
      <p>{text.mayNotChange}</p>
      <Link href={paths.token(token.id)}>{text.view}</Link>
    </Page>
  );
}
