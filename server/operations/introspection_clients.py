"""Operations on the credentials of introspection clients."""

from dataclasses import dataclass

from tortoise.exceptions import IntegrityError

import models
from models import ActivityKind
from server.access.activity import record
from server.access.digest_keys import generation_to_keep
from server.access.principal import Operator
from server.database import retried, transaction
from server.errors import InvalidInput, NotFound
from server.roles import Right
from server.service import Service
from server.texts import clean_slug
from server.token_format import new_gateway_secret


@dataclass(frozen=True, slots=True)
class CreatedCredential:
    """A new credential and its secret, which is shown now and never again."""

    credential: models.IntrospectionCredential
    secret: str

    def __repr__(self) -> str:
        return "CreatedCredential(…)"


@retried
async def create(operator: Operator, service: Service, name: str) -> CreatedCredential:
    """A new credential. Raises `InvalidInput`, for a name that is or was in use too."""
    operator.require(Right.MANAGE_INSTALLATION)
    name = clean_slug(name, "name")
    secret = new_gateway_secret()
    try:
        async with transaction():
            generation = await generation_to_keep(service.digest_key)
            digest = service.digest_key.digest("gateway", secret, generation)
            credential = await models.IntrospectionCredential.create(name=name, digest=digest)
            kind = ActivityKind.INTROSPECTION_CLIENT_CREATED
            await record(operator, kind, credential, name=name)
    except IntegrityError:
        raise InvalidInput("name", "A gateway with this name exists already.") from None
    return CreatedCredential(credential, secret)


async def every(operator: Operator) -> list[models.IntrospectionCredential]:
    """All credentials, the oldest first, revoked ones too."""
    operator.require(Right.MANAGE_INSTALLATION)
    return await models.IntrospectionCredential.all().order_by("id")


@retried
async def revoke(operator: Operator, name: str) -> None:
    """Revoke a credential at once.

    Raises `InvalidInput`, or `NotFound` for a revoked one too.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    name = clean_slug(name, "name")
    async with transaction():
        live = models.IntrospectionCredential.filter(name=name, revoked_at__isnull=True)
        credential = await live.select_for_update().get_or_none()
        if credential is None:
            raise NotFound
        await live.update(revoked_at=models.now())
        await record(operator, ActivityKind.INTROSPECTION_CLIENT_REVOKED, credential, name=name)
