// One token: its details, and its permissions, activity and usage each at an address of its own.
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { tokenQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Loading, Page } from "../../parts/page.tsx";
import { PermissionList } from "../../parts/permission.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { ActivityList } from "../activity/activity-page.tsx";
import { BackToTokens } from "../back-to-tokens.tsx";
import { NoSuchToken } from "../no-such-token.tsx";
import { EditToken } from "../token-dialogs/edit-token.tsx";
import { RevokeToken } from "../token-dialogs/revoke-token.tsx";
import { token as text } from "./strings.ts";
import { Usage } from "./usage.tsx";


export type Tab = "permissions" | "activity" | "usage";

export function TokenPage({ id, tab }: { id: string; tab: Tab }) {
  const { data: token, error, isPending, refetch } = useQuery(tokenQuery(id));
  if (isPending) return <Loading />;
  if (error !== null && token === undefined) {
    return (
      <Page title={text.title} above={<BackToTokens />}>
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
      above={<BackToTokens />}
      actions={token.revokedAt && <span className="tag danger">{text.revoked}</span>}
    >
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      <Details token={token} />
      <Tabs id={id} current={tab} />
      <div className="tab-content">
        {tab === "permissions" && <Permissions token={token} />}
        {tab === "activity" && <ActivityList tokenId={id} />}
        {tab === "usage" && <Usage tokenId={id} />}
      </div>
      {!token.revokedAt && <Changes token={token} />}
    </Page>
  );
}

function Details({ token }: { token: TokenDetailsFragment }) {
  const used = token.lastUsedAt;
  return (
    <dl className="details">
      <Detail label={text.hint}>
        <code>{token.hint}</code>
      </Detail>
      <Detail label={text.createdBy}>
        {token.createdBy?.name ?? shared.formerAdmin}
      </Detail>
      <Detail label={text.created}>
        <When at={token.createdAt} />
      </Detail>
      <Detail label={text.lastUsed}>
        {used ? <When at={used} /> : text.never}
        {token.lastUsedFrom && (
          <span className="hint" title={token.lastUsedUserAgent ?? undefined}>
            {text.from(token.lastUsedFrom)}
          </span>
        )}
      </Detail>
      {token.revokedAt && (
        <Detail label={text.revokedAt}>
          <When at={token.revokedAt} />
        </Detail>
      )}
    </dl>
  );
}

function Detail({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Tabs({ id, current }: { id: string; current: Tab }) {
  const tabs: [Tab, string][] = [
    ["permissions", paths.token(id)],
    ["activity", paths.tokenActivity(id)],
    ["usage", paths.tokenUsage(id)],
  ];
  return (
    <nav className="tabs" aria-label={text.tabs}>
      {tabs.map(([tab, href]) => (
        <Link key={tab} href={href} aria-current={tab === current ? "page" : undefined}>
          {text.tab[tab]}
        </Link>
      ))}
    </nav>
  );
}

function Permissions({ token }: { token: TokenDetailsFragment }) {
  const { mayChange } = useViewer();
  const categories = Map.groupBy(token.permissions, (permission) => permission.category.name);
  return (
    <section aria-labelledby="permissions">
      <div className="section-head">
        <h2 id="permissions">{text.permissionsTitle(formats.number(token.permissions.length))}</h2>
        {mayChange && !token.revokedAt && (
          <Link href={paths.editPermissions(token.id)} className="button">
            {text.editPermissions}
          </Link>
        )}
      </div>
      {token.permissions.length === 0 && <p className="quiet">{text.noPermissions}</p>}
      {[...categories].map(([category, permissions]) => (
        <div key={category} className="permission-group">
          <h3>{category}</h3>
          <PermissionList permissions={permissions} />
        </div>
      ))}
    </section>
  );
}

/** The actions on a live token, in the lower right. */
function Changes({ token }: { token: TokenDetailsFragment }) {
  const { mayChange } = useViewer();
  const [open, setOpen] = useState<"edit" | "revoke">();
  if (!mayChange) return null;
  return (
    <div className="page-foot">
      <button type="button" className="button danger quiet-danger" onClick={() => setOpen("revoke")}>
        {text.revoke}
      </button>
      <button type="button" className="button primary" onClick={() => setOpen("edit")}>
        {text.edit}
      </button>
      {open === "edit" && <EditToken token={token} onClose={() => setOpen(undefined)} />}
      {open === "revoke" && <RevokeToken token={token} onClose={() => setOpen(undefined)} />}
    </div>
  );
}
