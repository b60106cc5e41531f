"""The row classes, one a file, and their migrations. The code that uses them is in `server`."""

from models.access_request import AccessRequest, AccessRequestState
from models.activity import (
    Activity,
    ActivityCounter,
    ActivityKind,
    ActorKind,
    RevocationReason,
    SubjectKind,
)
from models.admin import Admin, AdminState, Role
from models.attempt_counter import AttemptCounter
from models.catalogue_version import CatalogueNotice, CatalogueVersion, FollowedCategory
from models.decision_batch import DecisionBatch
from models.installation_key import InstallationKey, KeyState
from models.installation_state import InstallationState
from models.introspection_credential import IntrospectionCredential
from models.invitation import Invitation
from models.job_lease import JobLease
from models.known_address import KnownAddress
from models.mail import Mail, MailKind
from models.reminder import Reminder, ReminderKind
from models.rows import (
    Row,
    TenantRow,
    id_of_tick,
    instant_of_tick,
    new_id,
    now,
    present_tick,
    table_of,
    tick_from,
)
from models.secret_use import SecretUse
from models.session import Session
from models.subject import INSTALLATION, DeletedTenant, Subject, identity_of
from models.tenant import Tenant
from models.token import LIVE, LIVE_SQL, Token, TokenState
from models.token_brand import TokenBrand
from models.token_last_use import TokenLastUse
from models.token_permission import TokenPermission, permission_fingerprint, shape_of
from models.token_policy import TokenPolicy
from models.token_refusal import RefusalReason, TokenRefusal
from models.token_rotation import TokenRotation
from models.token_search import TokenSearch, place_of
from models.token_secret import ClosedBy, RotationPart, TokenSecret, grants_of
from models.token_trial import TokenTrial
from models.token_use import TokenUse
from models.trial_denial import TrialDenial
from models.webhook import Webhook, WebhookPauseReason, WebhookState
from models.webhook_delivery import DeliveryOutcome, WebhookDelivery
from models.webhook_event import WebhookEvent

__all__ = [
    "INSTALLATION",
    "LIVE",
    "LIVE_SQL",
    "AccessRequest",
    "AccessRequestState",
    "Activity",
    "ActivityCounter",
    "ActivityKind",
    "ActorKind",
    "Admin",
    "AdminState",
    "AttemptCounter",
    "CatalogueNotice",
    "CatalogueVersion",
    "ClosedBy",
    "DecisionBatch",
    "DeletedTenant",
    "DeliveryOutcome",
    "FollowedCategory",
    "InstallationKey",
    "InstallationState",
    "IntrospectionCredential",
    "Invitation",
    "JobLease",
    "KeyState",
    "KnownAddress",
    "Mail",
    "MailKind",
    "RefusalReason",
    "Reminder",
    "ReminderKind",
    "RevocationReason",
    "Role",
    "RotationPart",
    "Row",
    "SecretUse",
    "Session",
    "Subject",
    "SubjectKind",
    "Tenant",
    "TenantRow",
    "Token",
    "TokenBrand",
    "TokenLastUse",
    "TokenPermission",
    "TokenPolicy",
    "TokenRefusal",
    "TokenRotation",
    "TokenSearch",
    "TokenSecret",
    "TokenState",
    "TokenTrial",
    "TokenUse",
    "TrialDenial",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookPauseReason",
    "WebhookState",
    "grants_of",
    "id_of_tick",
    "identity_of",
    "instant_of_tick",
    "new_id",
    "now",
    "permission_fingerprint",
    "place_of",
    "present_tick",
    "shape_of",
    "table_of",
    "tick_from",
]
