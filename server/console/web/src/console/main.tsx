// The console: a page for people on the public GraphQL API and POST /session, and nothing else.
import "../theme.css";
import "./style.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Route, Switch, useLocation } from "wouter";
import { viewerQuery } from "./api/viewer.ts";
import { SessionGate } from "./frame/session-gate.tsx";
import { Shell } from "./frame/shell.tsx";
import { notFound } from "./frame/strings.ts";
import { TokensPage } from "./pages/tokens/tokens-page.tsx";
import { ErrorBoundary } from "./parts/error-boundary.tsx";
import { Loading, Page } from "./parts/page.tsx";
import { StatusLine } from "./parts/status.tsx";
import { TroubleNote } from "./parts/trouble.tsx";
import { paths, patterns } from "./paths.ts";

// The first page is loaded at once, each other page when it is visited.
const ActivityPage = lazy(async () => ({
  default: (await import("./pages/activity/activity-page.tsx")).ActivityPage,
}));
const AdminsPage = lazy(async () => ({ default: (await import("./pages/admins/admins-page.tsx")).AdminsPage }));
const EditPermissionsPage = lazy(async () => ({
  default: (await import("./pages/edit-permissions/edit-permissions-page.tsx")).EditPermissionsPage,
}));
const TokenPage = lazy(async () => ({ default: (await import("./pages/token/token-page.tsx")).TokenPage }));

const client = new QueryClient({
  // Fail at once when offline, with a button to retry, instead of waiting.
  defaultOptions: { queries: { networkMode: "always", retry: false } },
});

function PageFrame({ children }: { children: ReactNode }) {
  const [address] = useLocation();
  return (
    <ErrorBoundary address={address}>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </ErrorBoundary>
  );
}

function Console() {
  return (
    <SessionGate>
      <StatusLine>
        <Shell>
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
        </Shell>
      </StatusLine>
    </SessionGate>
  );
}

async function start(): Promise<void> {
  const place = document.getElementById("root");
  if (place === null) throw new Error("index.html has no #root");
  const root = createRoot(place);
  try {
    await client.fetchQuery(viewerQuery);
  } catch (error) {
    root.render(
      <main id="main">
        <TroubleNote error={error} onRetry={() => location.reload()} />
      </main>,
    );
    return;
  }
  root.render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Console />
      </QueryClientProvider>
    </StrictMode>,
  );
}

// The browser may restore this page from its cache: after a sign-out, or with a secret on it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

void start();
