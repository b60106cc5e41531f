// The facts about a token that are asked for most often, in a line below its name.
import "./facts.css";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { When } from "../../parts/when.tsx";
import { shared } from "../../strings.ts";
import { StateTags } from "../state-tags.tsx";
import { Detail } from "./details.tsx";
import { token as text } from "./strings.ts";

export function Facts({ token }: { token: TokenDetailsFragment }) {
  const { lastUsedAt, lastUsedFrom, lastUsedUserAgent, revokedAt } = token;
  return (
    <dl className="facts">
      <div>
        <dt className="visually-hidden">{text.state}</dt>
        <dd>
          <StateTags token={token} />
        </dd>
      </div>
      <Detail label={text.hint}>
        <code>{token.hint}</code>
      </Detail>
      <Detail label={text.lastUsed}>
        {lastUsedAt ? <When at={lastUsedAt} /> : text.never}
        {lastUsedFrom && (
          <span title={isolated(lastUsedUserAgent ?? "")}> {text.from(lastUsedFrom)}</span>
        )}
      </Detail>
      <Detail label={text.created}>
        <When at={token.createdAt} />
      </Detail>
      <Detail label={text.createdBy}>
        <Isolated>{token.createdBy?.name ?? shared.formerAdmin}</Isolated>
      </Detail>
      {revokedAt && (
        <Detail label={text.revokedAt}>
          <When at={revokedAt} />
        </Detail>
      )}
    </dl>
  );
}
