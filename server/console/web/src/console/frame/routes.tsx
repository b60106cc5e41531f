// The page at the present address.
import { lazy, type ReactNode, Suspense } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { notFound } from "../../strings.ts";
import { TokensPage } from "../pages/tokens/tokens-page.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Loading, Page } from "../parts/page.tsx";
import { paths, patterns } from "../paths.ts";

// The first page is loaded at once, each other page when it is visited.
const ActivityPage = lazy(async () => ({
  default: (await import("../pages/activity/activity-page.tsx")).ActivityPage,
}));
const AdminsPage = lazy(async () => ({
  default: (await import("../pages/admins/admins-page.tsx")).AdminsPage,
}));
const ApiChangesPage = lazy(async () => ({
  default: (await import("../pages/api-changes/api-changes-page.tsx")).ApiChangesPage,
}));
const EditPermissionsPage = lazy(async () => ({
  default: (await import("../pages/edit-permissions/edit-permissions-page.tsx"))
    .EditPermissionsPage,
}));
const PolicyPage = lazy(async () => ({
  default: (await import("../pages/policy/policy-page.tsx")).PolicyPage,
}));
const RequestsPage = lazy(async () => ({
  default: (await import("../pages/requests/requests-page.tsx")).RequestsPage,
}));
const TokenPage = lazy(async () => ({
  default: (await import("../pages/token/token-page.tsx")).TokenPage,
}));

const WebhookPage = lazy(async () => ({
  default: (await import("../pages/webhooks/webhook-page.tsx")).WebhookPage,
}));
const WebhooksPage = lazy(async () => ({
  default: (await import("../pages/webhooks/webhooks-page.tsx")).WebhooksPage,
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
        <Route path={patterns.rightSize}>
          {({ id }) => <TokenPage key={id} id={id} tab="rightSize" />}
        </Route>
        <Route path={patterns.checkRequest}>
          {({ id }) => <TokenPage key={id} id={id} tab="check" />}
        </Route>
        <Route path={patterns.editPermissions}>
          {({ id }) => <EditPermissionsPage key={id} id={id} />}
        </Route>
        <Route path={paths.requests} component={RequestsPage} />
        <Route path={paths.activity} component={ActivityPage} />
        <Route path={paths.admins} component={AdminsPage} />
        <Route path={paths.policy} component={PolicyPage} />
        <Route path={paths.apiChanges} component={ApiChangesPage} />
        <Route path={paths.webhooks} component={WebhooksPage} />
        <Route path={patterns.webhook}>{({ id }) => <WebhookPage key={id} id={id} />}</Route>
        <Route>
          <Page title={notFound.title}>
            <p>{notFound.lead}</p>
            <p>
              <Link href={paths.tokens}>{notFound.toConsole}</Link>
            </p>
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
