// The console. It uses only the public GraphQL API and the public routes of sessions and passwords.
import "../theme.css";
import "./styles/base.css";
import "./styles/buttons.css";
import "./styles/inputs.css";
import "./styles/print.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { base, href, isBelowBase } from "../base.ts";
import { useAddress, useQueryOfAddress } from "./address.ts";
import { viewerQuery } from "./api/viewer.ts";
import { loadPageAt, Routes } from "./frame/routes.tsx";
import { SessionGate } from "./frame/session-gate.tsx";
import { Shell } from "./frame/shell.tsx";
import { FailedPage } from "./parts/failed-page.tsx";
import { StatusLine } from "./parts/status.tsx";

const client = new QueryClient({
  // Fail at once when offline, with a button to retry, instead of waiting.
  defaultOptions: { queries: { networkMode: "always", retry: false } },
});

function Console() {
  return (
    <Router base={base} hook={useAddress} searchHook={useQueryOfAddress}>
      <SessionGate>
        <StatusLine>
          <Shell>
            <Routes />
          </Shell>
        </StatusLine>
      </SessionGate>
    </Router>
  );
}

async function start(): Promise<void> {
  const { pathname, search, hash } = location;
  // Past the proxy that adds the path: the addresses of the router are below it.
  if (!isBelowBase(pathname)) return location.replace(href(pathname) + search + hash);
  const place = document.getElementById("root");
  if (place === null) throw new Error("index.html has no #root");
  const root = createRoot(place);
  // A page whose code cannot be loaded says so itself.
  const loaded = loadPageAt(pathname.slice(base.length)).catch(() => undefined);
  try {
    await client.fetchQuery(viewerQuery);
    await loaded;
  } catch (error) {
    root.render(
      <main id="main">
        <FailedPage error={error} />
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
