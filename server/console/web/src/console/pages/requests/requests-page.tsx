// The requests of holders for permissions, and the page that the link of a refusal leads to.
import "./requests.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "wouter";
import type { AccessRequestRowFragment, AccessRequestState } from "../../../../generated/operations.ts";
import { accessRequestsQuery } from "../../api/access-requests.ts";
import { Empty } from "../../parts/empty.tsx";
import { Filter } from "../../parts/filter.tsx";
import { LoadMore } from "../../parts/load-more.tsx";
import { Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { DeclineRequest, GrantRequest } from "./decide.tsx";
import { Linked } from "./linked.tsx";
import { type Decision, RequestsTable } from "./requests-table.tsx";
import { requests as text } from "./strings.ts";

const STATES = ["OPEN", "GRANTED", "DECLINED", "ENDED", "ALL"] as const;
type Shown = (typeof STATES)[number];

interface Open {
  decision: Decision;
  request: AccessRequestRowFragment;
}

export function RequestsPage() {
  const [params, setParams] = useSearchParams();
  const shown = STATES.find((one) => one === params.get("state")?.toUpperCase()) ?? "OPEN";
  const state: AccessRequestState | null = shown === "ALL" ? null : shown;
  const query = useInfiniteQuery(accessRequestsQuery(state));
  const [open, setOpen] = useState<Open>();
  const tokenId = params.get("token");
  const permission = params.get("permission");

  function show(wanted: string): void {
    setParams(new URLSearchParams({ state: wanted.toLowerCase() }), { replace: true });
  }

  return (
    <Page title={titles.requests} lead={text.lead}>
      {tokenId !== null && permission !== null && <Linked tokenId={tokenId} permission={permission} />}
      <div className="requests-tools">
        <Filter
          label={text.state}
          value={shown}
          options={STATES.map((value) => ({ value, label: text.states[value] }))}
          onChange={show}
        />
      </div>
      {query.error !== null && <TroubleNote error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.length === 0 ? (
        <NoRequests shown={shown} />
      ) : (
        <RequestsTable
          rows={query.data}
          onDecide={(decision, request) => setOpen({ decision, request })}
        />
      )}
      <LoadMore query={query} />
      {open?.decision === "grant" && (
        <GrantRequest request={open.request} onClose={() => setOpen(undefined)} />
      )}
      {open?.decision === "decline" && (
        <DeclineRequest request={open.request} onClose={() => setOpen(undefined)} />
      )}
    </Page>
  );
}

function NoRequests({ shown }: { shown: Shown }) {
  return (
    <Empty>
      <p>{shown === "OPEN" ? text.noneOpen : text.none}</p>
    </Empty>
  );
}
