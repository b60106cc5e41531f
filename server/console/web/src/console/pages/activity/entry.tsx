// One entry of the audit trail: the actor, the change and its values before and after.
import "./entry.css";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { ActivityEntryFragment, PolicyValuesFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { roles } from "../../../strings.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { ChangedPermissions, PermissionChanges } from "../../parts/permission-changes.tsx";
import { Ago, When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { countsOf } from "../api-changes/words.ts";
import { words } from "../condition-texts.ts";
import { activity as text } from "./strings.ts";

type DroppedTrial = Extract<ActivityEntryFragment, { __typename: "TokenTrialDropped" }>;

interface Props {
  entry: ActivityEntryFragment;
  /** Names the token: the list is of the whole tenant. */
  ofTenant: boolean;
}

export function Entry({ entry, ofTenant }: Props) {
  const { token, admin } = entry;
  return (
    <>
      <p className="activity-line">
        <strong>
          <Isolated>{actor(entry)}</Isolated>
        </strong> {sentence(entry)}
        {ofTenant && token !== null && (
          <>
            {" · "}
            <Link href={paths.token(token.id)}>
              <Isolated>{token.name}</Isolated>
            </Link>
          </>
        )}
        {/* Not twice: who signs in is the actor too. */}
        {admin !== null && admin.id !== entry.actor?.id && (
          <>
            {" · "}
            <Isolated>{admin.name}</Isolated>
          </>
        )}
      </p>
      <p className="activity-when">
        <Ago at={entry.occurredAt} />
        {entry.clientAddress !== null && ` ${text.address(entry.clientAddress)}`}
      </p>
      <Values entry={entry} />
    </>
  );
}

/** The name of the one who acted. */
export function actor(entry: ActivityEntryFragment): string {
  switch (entry.actorKind) {
    case "ADMIN":
      // Admins who were removed before removed ones were kept have no name.
      return entry.actorName ?? shared.formerAdmin;
    case "OPERATOR":
      return text.operator(entry.actorName);
    case "MACHINE":
      return text.machine;
    case "HOLDER":
      return text.holder;
    case "SYSTEM":
      return text.system;
  }
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
      return text.permissionsEdited;
    case "TokenPermissionsGrew":
      return text.permissionsGrew(text.categories(entry.categories.join(", ")));
    case "TokenExpirySet":
      return entry.isByPolicy ? text.expirySetByPolicy : text.expirySet;
    case "TokenPaused":
      return entry.isByPolicy ? text.pausedByPolicy : text.paused;
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
      return entry.isByClock ? text.rotationEndedByClock : text.rotationEnded[entry.kept];
    case "TokenHolderMayRotateSet":
      return entry.holderMayRotate ? text.holderMayRotate : text.holderMayNotRotate;
    case "TokenTrialStarted":
      return text.trialStarted(formats.instant(entry.until));
    case "TokenTrialEnforced":
      return text.trialEnforced(formats.count(entry.wouldHaveDenied, text.trialRequests));
    case "TokenTrialDropped":
      return trialDropped(entry);
    case "TokenAccessRequested":
      return text.accessRequested(entry.permission.key, entry.requestReason);
    case "TokenAccessGranted":
      return text.accessGranted(entry.permission.key);
    case "TokenAccessDeclined":
      return text.accessDeclined(entry.permission.key, entry.declineReason);
    case "TokenPolicySet":
      return text.policySet(formats.instant(entry.effectiveFrom));
    case "TokenRevoked":
      return text.revoked[entry.reason];
    case "AdminInvited":
      return text.adminInvited(roles[entry.role]);
    case "AdminInvitationRenewed":
      return text.invitationRenewed;
    case "AdminInvitationAccepted":
      return text.invitationAccepted;
    case "AdminInvitationEnded":
      return text.invitationEnded;
    case "AdminRoleSet":
      return text.roleSet;
    case "OwnershipTransferred":
      return text.ownershipTransferred;
    case "AdminRemoved":
      return text.adminRemoved(
        formats.count(entry.revokedTokenCount, shared.tokenCount),
        formats.count(entry.transferredTokenCount, shared.tokenCount),
      );
    case "AdminErased":
      return text.adminErased;
    case "AdminSignedIn":
      return text.signedIn;
    case "AdminSignInFailed":
      return text.signInFailed(formats.number(entry.failures));
    case "AdminSignedOut":
      return text.signedOut;
    case "AdminSessionsEnded":
      return text.sessionsEnded(formats.count(entry.sessionCount, text.sessionCount));
    case "AdminPasswordSet":
      return text.passwordSet;
    case "TenantCreated":
      return text.tenantCreated;
    case "TenantLimitSet":
      return text.tenantLimitSet;
    case "TenantRenamed":
      return text.tenantRenamed;
    case "TenantSuspended":
      return text.tenantSuspended;
    case "TenantResumed":
      return text.tenantResumed;
    case "CatalogueChanged":
      return text.catalogueChanged(countsOf(entry));
    case "CatalogueNoticeDismissed":
      return text.noticeDismissed;
    case "WebhookCreated":
      return text.webhookCreated;
    case "WebhookSet":
      return webhookSet(entry);
    case "WebhookTested":
      return text.webhookTested;
    case "WebhookReplayed":
      return text.webhookReplayed;
    case "WebhookRemoved":
      return text.webhookRemoved;
  }
}

function trialDropped({ isByClock, wouldHaveDenied }: DroppedTrial): string {
  const requests = formats.count(wouldHaveDenied, text.trialRequests);
  return isByClock ? text.trialDroppedByClock(requests) : text.trialDropped(requests);
}

function Values({ entry }: { entry: ActivityEntryFragment }): ReactNode {
  switch (entry.__typename) {
    case "TokenCreated":
      return <Noted lines={[[text.follows, entry.followed.join(", ")], [text.recipe, entry.recipe]]} />;
    case "TokenNameChanged":
    case "TenantRenamed":
      return <Change before={entry.previousName} after={entry.name} />;
    case "TokenDescriptionChanged":
      return <Change before={entry.previousDescription} after={entry.description} />;
    case "TokenPermissionsEdited":
      return <EditedPermissions entry={entry} />;
    case "TokenPermissionsGrew":
      return <PermissionChanges granted={entry.granted} withdrawn={[]} />;
    case "CatalogueChanged":
    case "CatalogueNoticeDismissed":
      return (
        <p className="change">
          <Link href={paths.apiChanges}>{text.seeChanges}</Link>
        </p>
      );
    case "TokenTrialStarted":
      return <ChangedPermissions title={text.trialWithheld} permissions={entry.withheld} />;
    case "TokenTrialEnforced":
      return (
        <>
          <PermissionChanges granted={[]} withdrawn={entry.withdrawn} />
          <ChangedPermissions title={text.trialNeeded} permissions={entry.needed} />
        </>
      );
    case "TokenTrialDropped":
      return <ChangedPermissions title={text.trialNeeded} permissions={entry.needed} />;
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
    case "TokenPolicySet":
      return <Change before={policy(entry.previousPolicy)} after={policy(entry.policy)} />;
    case "AdminRoleSet":
      return <Change before={roles[entry.previousRole]} after={roles[entry.role]} />;
    case "OwnershipTransferred":
      return <Change before={entry.previousOwner?.name ?? ""} after={entry.admin.name} />;
    case "TenantLimitSet":
      return (
        <Change
          before={tenantLimit(entry.previousRequestsPerHour)}
          after={tenantLimit(entry.requestsPerHour)}
        />
      );
    case "WebhookSet":
      return <WebhookChanges entry={entry} />;
    case "WebhookReplayed":
      return (
        <>
          <Address url={entry.url} />
          <p className="change">
            {text.since} <When at={entry.since} />
          </p>
        </>
      );
    case "WebhookCreated":
    case "WebhookTested":
    case "WebhookRemoved":
      return <Address url={entry.url} />;
    case "TokenRevoked":
      // Text, and no link: the reporter chose the address.
      return (
        entry.foundAt && (
          <p className="change">
            {text.foundAt} <Isolated>{entry.foundAt}</Isolated>
          </p>
        )
      );
    default:
      return null;
  }
}

/** The values of a policy that are set, in one line. */
function policy(values: PolicyValuesFragment): string {
  const { defaultLifetimeDays, maximumLifetimeDays, pauseUnusedAfterDays, networks } = values;
  return [
    defaultLifetimeDays && text.policy.defaultLifetime(formats.number(defaultLifetimeDays)),
    maximumLifetimeDays && text.policy.maximumLifetime(formats.number(maximumLifetimeDays)),
    pauseUnusedAfterDays && text.policy.pauseUnused(formats.number(pauseUnusedAfterDays)),
    networks.length > 0 && text.policy.networks(networks.join(", ")),
  ]
    .filter(Boolean)
    .join("; ");
}

function tenantLimit(requests: number | null): string {
  return requests === null ? text.defaultLimit : words.limit(requests);
}

type Edited = Extract<ActivityEntryFragment, { __typename: "TokenPermissionsEdited" }>;

function EditedPermissions({ entry }: { entry: Edited }) {
  return (
    <>
      <PermissionChanges granted={entry.granted} withdrawn={entry.withdrawn} />
      <Noted
        lines={[
          [text.follows, entry.followed.join(", ")],
          [text.unfollows, entry.unfollowed.join(", ")],
          [text.recipe, entry.recipe],
        ]}
      />
    </>
  );
}

/** A line for each label that has a value. */
function Noted({ lines }: { lines: readonly (readonly [string, string | null])[] }) {
  return lines.map(
    ([label, value]) =>
      value && (
        <p key={label} className="change">
          {label}: <Isolated>{value}</Isolated>
        </p>
      ),
  );
}

type ChangedWebhook = Extract<ActivityEntryFragment, { __typename: "WebhookSet" }>;

function webhookSet(entry: ChangedWebhook): string {
  if (entry.state === entry.previousState) {
    return text.webhookSet;
  }
  return entry.pauseReason === null ? text.webhookResumed : text.webhookPaused[entry.pauseReason];
}

function WebhookChanges({ entry }: { entry: ChangedWebhook }) {
  const before = entry.previousEvents.join(", ");
  const after = entry.events.join(", ");
  return (
    <>
      {entry.previousUrl === entry.url ? (
        <Address url={entry.url} />
      ) : (
        <Change before={entry.previousUrl} after={entry.url} />
      )}
      {before !== after && <Change before={before} after={after} />}
    </>
  );
}

/** Text, and no link: it is made for events, not for people. */
function Address({ url }: { url: string }) {
  return (
    <p className="change">
      <Isolated>{url}</Isolated>
    </p>
  );
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
      <del>
        <Isolated>{before || shared.none}</Isolated>
      </del>
      <span aria-hidden="true"> → </span>
      <span className="visually-hidden"> {text.to} </span>
      <ins>
        <Isolated>{after || shared.none}</Isolated>
      </ins>
    </p>
  );
}
