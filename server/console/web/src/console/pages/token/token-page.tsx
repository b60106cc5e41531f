// One token: its details and conditions, and its permissions, activity and usage each at an address
// of its own.
import "./token-page.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { tokenQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Loading, Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { paths } from "../../paths.ts";
import { ActivityList } from "../activity/activity-list.tsx";
import { BackToTokens } from "../back-to-tokens.tsx";
import { CheckRequest } from "../check-request/check-request.tsx";
import { NoSuchToken } from "../no-such-token.tsx";
import { RightSize } from "../right-size/right-size.tsx";
import { useRefetching } from "../rotation/refetching.ts";
import { RotateSecret } from "../rotation/rotate-secret.tsx";
import { Rotation } from "../rotation/rotation.tsx";
import { rotate } from "../rotation/strings.ts";
import { AddToken } from "../token-dialogs/add-token.tsx";
import { EditToken } from "../token-dialogs/edit-token.tsx";
import { copyOf } from "../token-dialogs/new-token.ts";
import { RevokeToken } from "../token-dialogs/revoke-token.tsx";
import { Trial } from "../trial/trial.tsx";
import { Conditions } from "./conditions.tsx";
import { Facts } from "./facts.tsx";
import { NewTokenRequest } from "./new-token-request.tsx";
import { Permissions } from "./permissions.tsx";
import { RefusedNote } from "./refused-note.tsx";
import { token as text } from "./strings.ts";
import { type Tab, Tabs } from "./tabs.tsx";
import { Usage } from "./usage.tsx";
import { Use } from "./use.tsx";

export function TokenPage({ id, tab }: { id: string; tab: Tab }) {
  const refetchInterval = useRefetching();
  const { data: token, error, isPending, refetch } = useQuery({
    ...tokenQuery(id),
    refetchInterval,
  });
  if (isPending) return <Loading />;
  if (error !== null && token === undefined) {
    return (
      <Page title={text.title} above={<BackToTokens from={id} />}>
        <TroubleNote error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  if (!token) return <NoSuchToken />;
  return (
    <Page
      title={token.name}
      part={text.tab[tab]}
      lead={token.description}
      above={<BackToTokens from={id} />}
    >
      <Facts token={token} />
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      <RefusedNote token={token} />
      <Rotation token={token} />
      <Trial token={token} />
      <NewTokenRequest token={token} />
      <div className="token-top">
        <Use id={id} />
        <Conditions token={token} />
      </div>
      <Tabs id={id} current={tab} />
      <div className="tab-content">
        {tab === "permissions" && <Permissions token={token} />}
        {tab === "activity" && <ActivityList tokenId={id} />}
        {tab === "usage" && <Usage tokenId={id} />}
        {tab === "rightSize" && <RightSize token={token} />}
        {tab === "check" && <CheckRequest token={token} />}
      </div>
      {!token.revokedAt && <Changes token={token} />}
    </Page>
  );
}

/** The actions on a live token, in the lower right, where they stay in sight. */
function Changes({ token }: { token: TokenDetailsFragment }) {
  const { mayChange } = useViewer();
  const [open, setOpen] = useState<"edit" | "revoke" | "rotate" | "duplicate">();
  if (!mayChange) return null;
  return (
    <div className="page-foot">
      <button type="button" className="button danger quiet-danger" onClick={() => setOpen("revoke")}>
        {text.revoke}
      </button>
      <button type="button" className="button" onClick={() => setOpen("rotate")}>
        {rotate.action}
      </button>
      <button type="button" className="button wide-only" onClick={() => setOpen("duplicate")}>
        {text.duplicate}
      </button>
      <Link
        href={paths.editPermissions(token.id)}
        className="button"
        aria-label={text.editPermissions}
      >
        {text.tab.permissions}
      </Link>
      <button type="button" className="button primary" onClick={() => setOpen("edit")}>
        {text.edit}
      </button>
      {open === "edit" && <EditToken token={token} onClose={() => setOpen(undefined)} />}
      {open === "duplicate" && (
        <AddToken given={copyOf(token)} onClose={() => setOpen(undefined)} />
      )}
      {open === "rotate" && <RotateSecret token={token} onClose={() => setOpen(undefined)} />}
      {open === "revoke" && <RevokeToken token={token} onClose={() => setOpen(undefined)} />}
    </div>
  );
}
