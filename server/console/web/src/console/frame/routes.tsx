// The page at the present address.
import { type ComponentProps, type ReactNode, Suspense } from "react";
import { Link, useLocation } from "wouter";
import { notFound } from "../../strings.ts";
import { TokensPage } from "../pages/tokens/tokens-page.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Loading, Page } from "../parts/page.tsx";
import { match, paths, patterns } from "../paths.ts";
import { visited } from "./visited.tsx";

// The first page is loaded at once, each other page when it is visited.
const ActivityPage = visited(
  async () => (await import("../pages/activity/activity-page.tsx")).ActivityPage,
);
const AdminsPage = visited(
  async () => (await import("../pages/admins/admins-page.tsx")).AdminsPage,
);
const ApiChangesPage = visited(
  async () => (await import("../pages/api-changes/api-changes-page.tsx")).ApiChangesPage,
);
const EditPermissionsPage = visited(
  async () =>
    (await import("../pages/edit-permissions/edit-permissions-page.tsx")).EditPermissionsPage,
);
const PolicyPage = visited(
  async () => (await import("../pages/policy/policy-page.tsx")).PolicyPage,
);
const RequestsPage = visited(
  async () => (await import("../pages/requests/requests-page.tsx")).RequestsPage,
);
const TokenPage = visited(async () => (await import("../pages/token/token-page.tsx")).TokenPage);
const WebhookPage = visited(
  async () => (await import("../pages/webhooks/webhook-page.tsx")).WebhookPage,
);
const WebhooksPage = visited(
  async () => (await import("../pages/webhooks/webhooks-page.tsx")).WebhooksPage,
);

interface PageRoute {
  at: string;
  /** Makes the page; `id` is the part of the address that the pattern calls so. */
  page: (id: string) => ReactNode;
  /** Loads the page's code; undefined for code that comes with the first page. */
  load?: () => Promise<void>;
}

const ofToken = (at: string, tab: ComponentProps<typeof TokenPage>["tab"]): PageRoute => ({
  at,
  page: (id) => <TokenPage key={id} id={id} tab={tab} />,
  load: TokenPage.load,
});

const routes: PageRoute[] = [
  { at: paths.tokens, page: () => <TokensPage /> },
  ofToken(patterns.token, "permissions"),
  ofToken(patterns.tokenActivity, "activity"),
  ofToken(patterns.tokenUsage, "usage"),
  ofToken(patterns.rightSize, "rightSize"),
  ofToken(patterns.checkRequest, "check"),
  {
    at: patterns.editPermissions,
    page: (id) => <EditPermissionsPage key={id} id={id} />,
    load: EditPermissionsPage.load,
  },
  { at: paths.requests, page: () => <RequestsPage />, load: RequestsPage.load },
  { at: paths.activity, page: () => <ActivityPage />, load: ActivityPage.load },
  { at: paths.admins, page: () => <AdminsPage />, load: AdminsPage.load },
  { at: paths.policy, page: () => <PolicyPage />, load: PolicyPage.load },
  { at: paths.apiChanges, page: () => <ApiChangesPage />, load: ApiChangesPage.load },
  { at: paths.webhooks, page: () => <WebhooksPage />, load: WebhooksPage.load },
  { at: patterns.webhook, page: (id) => <WebhookPage key={id} id={id} />, load: WebhookPage.load },
];

/** Loads the code of the page at a path; for the first page, beside the first answer. */
export async function loadPageAt(path: string): Promise<void> {
  await routes.find(({ at }) => match(path, at) !== undefined)?.load?.();
}

export function Routes() {
  const [path] = useLocation();
  return (
    <ErrorBoundary address={path}>
      <Suspense fallback={<Loading />}>{pageAt(path)}</Suspense>
    </ErrorBoundary>
  );
}

function pageAt(path: string): ReactNode {
  for (const { at, page } of routes) {
    const id = match(path, at);
    if (id !== undefined) return page(id);
  }
  return (
    <Page title={notFound.title}>
      <p>{notFound.lead}</p>
      <p>
        <Link href={paths.tokens}>{notFound.toConsole}</Link>
      </p>
    </Page>
  );
}
