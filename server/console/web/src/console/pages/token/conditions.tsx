// A token's conditions: its state, when, from where and how often it may be used, and its owner.
import "./conditions.css";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { TokenConditionsFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { words } from "../condition-texts.ts";
import { StateTags } from "../state-tags.tsx";
import type { ConditionProps } from "../token-dialogs/condition-dialog.tsx";
import { EditExpiry } from "../token-dialogs/edit-expiry.tsx";
import { EditHolderMayRotate } from "../token-dialogs/edit-holder-may-rotate.tsx";
import { EditLimit } from "../token-dialogs/edit-limit.tsx";
import { EditNetworks } from "../token-dialogs/edit-networks.tsx";
import { PauseToken, ResumeToken } from "../token-dialogs/pause-token.tsx";
import { TransferToken } from "../token-dialogs/transfer-token.tsx";
import { Detail } from "./details.tsx";
import { conditions as text } from "./strings.ts";

/** Networks that are shown at once; the others open. */
const NETWORKS_SHOWN = 3;
const DIALOGS = {
  pause: PauseToken,
  resume: ResumeToken,
  expiry: EditExpiry,
  networks: EditNetworks,
  limit: EditLimit,
  owner: TransferToken,
  holderMayRotate: EditHolderMayRotate,
};
type Open = keyof typeof DIALOGS;

export function Conditions({ token }: { token: TokenConditionsFragment }) {
  const { tenant, mayChange } = useViewer();
  const [open, setOpen] = useState<Open>();
  const isEditable = mayChange && token.state !== "REVOKED";
  const edit = (what: keyof typeof text.editLabel): ReactNode =>
    isEditable && <Edit name={text.editLabel[what]} onClick={() => setOpen(what)} />;
  const Dialog: ((props: ConditionProps) => ReactNode) | undefined = open && DIALOGS[open];
  return (
    <section aria-labelledby="conditions">
      <h2 id="conditions">{text.title}</h2>
      <dl className="details conditions">
        <Detail label={text.state}>
          <StateTags token={token} />
          {isEditable && <PauseOrResume token={token} onOpen={setOpen} />}
        </Detail>
        <Detail label={text.expires}>
          {token.expiresAt ? <When at={token.expiresAt} /> : words.expiry(null)}
          {edit("expiry")}
        </Detail>
        <Detail label={text.networks}>
          <Networks networks={token.networks} />
          {edit("networks")}
          {tenant.tokenPolicy.networks.length > 0 && (
            <Link href={paths.policy} className="hint">
              {text.policyBinds}
            </Link>
          )}
        </Detail>
        <Detail label={text.limit}>
          {words.limit(token.requestsPerHour)}
          {edit("limit")}
        </Detail>
        <Detail label={text.owner}>
          <Isolated>{words.owner(token, tenant)}</Isolated>
          {edit("owner")}
        </Detail>
        <Detail label={text.holderMayRotate}>
          {token.holderMayRotate ? text.yes : text.no}
          {edit("holderMayRotate")}
        </Detail>
      </dl>
      {Dialog && <Dialog token={token} onClose={() => setOpen(undefined)} />}
    </section>
  );
}

/** Shows "Edit" alone: the condition stands above it. */
function Edit({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" className="button small" aria-label={name} onClick={onClick}>
      {text.edit}
    </button>
  );
}

interface PauseProps {
  token: TokenConditionsFragment;
  onOpen: (dialog: Open) => void;
}

/** An expired token is refused already; one that is paused too can be resumed. */
function PauseOrResume({ token: { state, pausedAt }, onOpen }: PauseProps) {
  if (pausedAt === null && state === "EXPIRED") return null;
  return (
    <button
      type="button"
      className="button small"
      onClick={() => onOpen(pausedAt === null ? "pause" : "resume")}
    >
      {pausedAt === null ? text.pause : text.resume}
    </button>
  );
}

function Networks({ networks }: { networks: readonly string[] }) {
  if (networks.length === 0) return words.networks(networks);
  const hidden = networks.slice(NETWORKS_SHOWN);
  return (
    <div>
      <NetworkList networks={networks.slice(0, NETWORKS_SHOWN)} />
      {hidden.length > 0 && (
        <details>
          <summary>{text.more(formats.number(hidden.length))}</summary>
          <NetworkList networks={hidden} />
        </details>
      )}
    </div>
  );
}

function NetworkList({ networks }: { networks: readonly string[] }) {
  return (
    <ul>
      {networks.map((network) => (
        <li key={network}>
          <code>{network}</code>
        </li>
      ))}
    </ul>
  );
}
