"""The row classes, one a file, and their migrations. The code that uses them is in `server`."""

from models.activity import Activity, ActivityKind, RevocationReason
from models.admin import Admin, Role
from models.attempt_counter import AttemptCounter
from models.installation_key import InstallationKey, KeyState
from models.introspection_credential import IntrospectionCredential
from models.invitation import Invitation
from models.job_lease import JobLease
from models.known_address import KnownAddress
from models.rows import Row, TenantRow, new_id, now
from models.secret_use import SecretUse
from models.session import Session
from models.tenant import Tenant
from models.token import LIVE, LIVE_SQL, Token, TokenState
from models.token_brand import TokenBrand
from models.token_last_use import TokenLastUse
from models.token_permission import TokenPermission, permission_fingerprint, shape_of
from models.token_refusal import RefusalReason, TokenRefusal
from models.token_rotation import TokenRotation
from models.token_search import TokenSearch, place_of
from models.token_secret import ClosedBy, RotationPart, TokenSecret, grants_of
from models.token_use import TokenUse

__all__ = [
    "LIVE",
    "LIVE_SQL",
    "Activity",
    "ActivityKind",
    "Admin",
    "AttemptCounter",
    "ClosedBy",
    "InstallationKey",
    "IntrospectionCredential",
    "Invitation",
    "JobLease",
    "KeyState",
    "KnownAddress",
    "RefusalReason",
    "RevocationReason",
    "Role",
    "RotationPart",
    "Row",
    "SecretUse",
    "Session",
    "Tenant",
    "TenantRow",
    "Token",
    "TokenBrand",
    "TokenLastUse",
    "TokenPermission",
    "TokenRefusal",
    "TokenRotation",
    "TokenSearch",
    "TokenSecret",
    "TokenState",
    "TokenUse",
    "grants_of",
    "new_id",
    "now",
    "permission_fingerprint",
    "place_of",
    "shape_of",
]
