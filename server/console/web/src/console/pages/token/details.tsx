// A token's details, above its tabs.
import "./details.css";
import type { ReactNode } from "react";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { When } from "../../parts/when.tsx";
import { shared } from "../../strings.ts";
import { token as text } from "./strings.ts";

export function Details({ token }: { token: TokenDetailsFragment }) {
  const used = token.lastUsedAt;
  return (
    <dl className="details">
      <Detail label={text.hint}>
        <code>{token.hint}</code>
      </Detail>
      <Detail label={text.createdBy}>{token.createdBy?.name ?? shared.formerAdmin}</Detail>
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

export function Detail({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
