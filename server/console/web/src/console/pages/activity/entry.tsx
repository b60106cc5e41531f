// One entry of the audit trail: the actor, the change and its values before and after.
import "./entry.css";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { ActivityEntryFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { PermissionChanges } from "../../parts/permission-changes.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { words } from "../condition-texts.ts";
import { activity as text } from "./strings.ts";

interface Props {
  entry: ActivityEntryFragment;
  /** Names the token: the list is of the whole tenant. */
  ofTenant: boolean;
}

export function Entry({ entry, ofTenant }: Props) {
  const { token } = entry;
  return (
    <>
      <p className="activity-line">
        <strong>{actor(entry)}</strong> {sentence(entry)}
        {ofTenant && (
          <>
            {" · "}
            <Link href={paths.token(token.id)}>{token.name}</Link>
          </>
        )}
      </p>
      <p className="activity-when">
        <When at={entry.occurredAt} />
      </p>
      <Values entry={entry} />
    </>
  );
}

function actor(entry: ActivityEntryFragment): string {
  if (entry.actor !== null) return entry.actor.name;
  const byHolder =
    entry.__typename === "TokenRotationPickedUp" ||
    (entry.__typename === "TokenRevoked" && ["SELF", "COMPROMISED"].includes(entry.reason));
  return byHolder ? text.holder : shared.formerAdmin;
}

function sentence(entry: ActivityEntryFragment): string {
  switch (entry.__typename) {
    case "TokenCreated":
      return text.created;
    case "TokenNameChanged":
      return text.renamed;
    case "TokenDescriptionChanged":
      return text.described;
    case "TokenPermissionsEdited":
      return text.permissionsEdited(
        formats.number(entry.granted.length),
        formats.number(entry.withdrawn.length),
      );
    case "TokenExpirySet":
      return text.expirySet;
    case "TokenPaused":
      return text.paused;
    case "TokenResumed":
      return text.resumed;
    case "TokenNetworksSet":
      return text.networksSet;
    case "TokenRateLimitSet":
      return text.rateLimitSet;
    case "TokenTransferred":
      return text.transferred;
    case "TokenRotationStarted":
      return entry.compromised ? text.rotationStartedCompromised : text.rotationStarted;
    case "TokenRotationPickedUp":
      return text.pickedUp(entry.address);
    case "TokenRotationEnded":
      return text.rotationEnded[entry.kept];
    case "TokenRevoked":
      return text.revoked[entry.reason];
  }
}

function Values({ entry }: { entry: ActivityEntryFragment }): ReactNode {
  switch (entry.__typename) {
    case "TokenNameChanged":
      return <Change before={entry.previousName} after={entry.name} />;
    case "TokenDescriptionChanged":
      return <Change before={entry.previousDescription} after={entry.description} />;
    case "TokenPermissionsEdited":
      return <PermissionChanges granted={entry.granted} withdrawn={entry.withdrawn} />;
    case "TokenExpirySet":
      return (
        <Change
          before={words.expiry(entry.previousExpiresAt)}
          after={words.expiry(entry.expiresAt)}
        />
      );
    case "TokenNetworksSet":
      return (
        <Change
          before={words.networks(entry.previousNetworks)}
          after={words.networks(entry.networks)}
        />
      );
    case "TokenRateLimitSet":
      return (
        <Change
          before={words.limit(entry.previousRequestsPerHour)}
          after={words.limit(entry.requestsPerHour)}
        />
      );
    case "TokenTransferred":
      return <Transfer entry={entry} />;
    case "TokenRevoked":
      // Text, and no link: the reporter chose the address.
      return (
        entry.foundAt && (
          <p className="change">
            {text.foundAt} <bdi>{entry.foundAt}</bdi>
          </p>
        )
      );
    default:
      return null;
  }
}

type Transferred = Extract<ActivityEntryFragment, { __typename: "TokenTransferred" }>;

function Transfer({ entry }: { entry: Transferred }) {
  const { tenant } = useViewer();
  const previous = {
    owner: entry.previousOwner,
    isOwnedByOrganisation: entry.wasOwnedByOrganisation,
  };
  return <Change before={words.owner(previous, tenant)} after={words.owner(entry, tenant)} />;
}

function Change({ before, after }: { before: string; after: string }) {
  return (
    <p className="change">
      <span className="visually-hidden">{text.from} </span>
      <del>{before || shared.none}</del>
      <span aria-hidden="true"> → </span>
      <span className="visually-hidden"> {text.to} </span>
      <ins>{after || shared.none}</ins>
    </p>
  );
}
