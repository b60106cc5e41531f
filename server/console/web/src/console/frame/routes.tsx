// The page at the present address.
import { lazy, type ReactNode, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { TokensPage } from "../pages/tokens/tokens-page.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Loading, Page } from "../parts/page.tsx";
import { paths, patterns } from "../paths.ts";
import { notFound } from "./strings.ts";

// The first page is loaded at once, each other page when it is visited.
const ActivityPage = lazy(async () => ({
  default: (await import("../pages/activity/activity-page.tsx")).ActivityPage,
}));
const AdminsPage = lazy(async () => ({
  default: (await import("../pages/admins/admins-page.tsx")).AdminsPage,
}));
const EditPermissionsPage = lazy(async () => ({
  default: (await import("../pages/edit-permissions/edit-permissions-page.tsx"))
    .EditPermissionsPage,
}));
const TokenPage = lazy(async () => ({
  default: (await import("../pages/token/token-page.tsx")).TokenPage,
}));

export function Routes() {
  return (
    <PageFrame>
      <Switch>
        <Route path={paths.tokens} component={TokensPage} />
        <Route path={patterns.token}>
          {({ id }) => <TokenPage key={id} id={id} tab="permissions" />}
        </Route>
        <Route path={patterns.tokenActivity}>
          {({ id }) => <TokenPage key={id} id={id} tab="activity" />}
        </Route>
        <Route path={patterns.tokenUsage}>
          {({ id }) => <TokenPage key={id} id={id} tab="usage" />}
        </Route>
        <Route path={patterns.editPermissions}>
          {({ id }) => <EditPermissionsPage key={id} id={id} />}
        </Route>
        <Route path={paths.activity} component={ActivityPage} />
        <Route path={paths.admins} component={AdminsPage} />
        <Route>
          <Page title={notFound.title}>
            <p>{notFound.lead}</p>
          </Page>
        </Route>
      </Switch>
    </PageFrame>
  );
}

function PageFrame({ children }: { children: ReactNode }) {
  const [address] = useLocation();
  return (
    <ErrorBoundary address={address}>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </ErrorBoundary>
  );
}
