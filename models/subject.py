"""The subject of an activity: any of these rows, or a tenant without one."""

from dataclasses import dataclass
from uuid import UUID

from models.activity import SubjectKind
from models.admin import Admin
from models.installation_key import InstallationKey
from models.introspection_credential import IntrospectionCredential
from models.tenant import Tenant
from models.token import Token
from models.webhook import Webhook

# The tenant of activities that are no tenant's.
INSTALLATION = UUID(int=0)


@dataclass(frozen=True, slots=True)
class DeletedTenant:
    """A tenant that is no more: the installation's activity tells of it by its id alone."""

    id: UUID


Subject = (
    Token | Admin | Tenant | Webhook | IntrospectionCredential | InstallationKey | DeletedTenant
)


def identity_of(subject: Subject) -> tuple[UUID, SubjectKind, UUID]:
    """The tenant, kind and id of an activity's subject."""
    match subject:
        case Token():
            return subject.tenant_id, SubjectKind.TOKEN, subject.id
        case Admin():
            return subject.tenant_id, SubjectKind.ADMIN, subject.id
        case Tenant():
            return subject.id, SubjectKind.TENANT, subject.id
        case Webhook():
            return subject.tenant_id, SubjectKind.WEBHOOK, subject.id
        case IntrospectionCredential():
            return INSTALLATION, SubjectKind.INTROSPECTION_CLIENT, subject.id
        case InstallationKey():
            return INSTALLATION, SubjectKind.DIGEST_KEY, UUID(int=subject.generation)
        case DeletedTenant():
            return INSTALLATION, SubjectKind.TENANT, subject.id
