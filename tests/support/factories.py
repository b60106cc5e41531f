"""Tenants, admins, sessions and tokens for tests, and a client that speaks for one of them.

Sessions are inserted as rows, since signing in with argon2 would take most of the suite's time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from secrets import token_bytes
from typing import Any
from uuid import UUID

import httpx2
from passlib.hash import argon2

import models
from models import Role
from server.access import token_search
from server.access.principal import SignedInAdmin
from server.access.sessions import ABSOLUTE
from server.catalogue.versions import NO_CHANGES
from server.global_ids import encode_id
from server.operations import tokens
from server.service import Service
from server.token_format import new_tenant_secret

# Rows that are made at once: each portion has to be written within the time of a statement.
PORTION = 100
PASSWORD = "seven purple otters dance"
_HASH = argon2.using(type="ID", memory_cost=64, rounds=1, parallelism=1).hash(PASSWORD)
_numbers = count(1)


@dataclass(frozen=True)
class Person:
    """A signed-in admin: their row, their principal, and the secret of their session."""

    admin: models.Admin
    principal: SignedInAdmin
    session: str

    @property
    def id(self) -> str:
        return encode_id("Admin", self.admin.id)


class World:
    """Creates rows for tests, directly and through operations."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def tenant(self, slug: str | None = None, region: str = "us") -> models.Tenant:
        slug = slug or f"tenant-{next(_numbers)}"
        return await models.Tenant.create(slug=slug, name=slug.title(), region=region)

    async def person(
        self, tenant: models.Tenant | None = None, role: Role = Role.OWNER, **columns: Any
    ) -> Person:
        """An admin with `PASSWORD`, signed in; of a new tenant if none is given."""
        tenant = tenant or await self.tenant()
        number = next(_numbers)
        admin = await models.Admin.create(
            **{
                "tenant_id": tenant.id,
                "email": f"person-{number}@example.com",
                "name": f"Person {number}",
                "role": role,
                "password_hash": _HASH,
            }
            | columns
        )
        return await self.sign_in(admin)

    async def sign_in(self, admin: models.Admin) -> Person:
        """Another session of an admin."""
        secret = new_tenant_secret(admin.tenant_id)
        at = models.now()
        session = await models.Session.create(
            tenant_id=admin.tenant_id,
            admin_id=admin.id,
            digest=self.service.digest_key.digest("session", secret),
            last_seen_at=at,
            expires_at=at + ABSOLUTE,
        )
        tenant = await models.Tenant.get(id=admin.tenant_id)
        principal = SignedInAdmin(
            *(admin.tenant_id, admin.id, admin.role, session.id), admin=admin, tenant=tenant
        )
        return Person(admin, principal, secret)

    async def token(
        self, person: Person, name: str = "a token", permissions: Sequence[str] = (), **more: Any
    ) -> tokens.Created:
        return await tokens.create(
            person.principal, self.service, name=name, permissions=permissions, **more
        )

    async def notice(self, person: Person) -> str:
        """A version of the API's document that the tenant was told of: its global id."""
        version = await models.CatalogueVersion.create(
            number=next(_numbers),
            fingerprint=token_bytes(32),
            changes=NO_CHANGES.kept(),
            affected=b"",
        )
        await models.CatalogueNotice.create(
            tenant_id=person.admin.tenant_id, version_id=version.id, affected_tokens=0
        )
        return encode_id("CatalogueVersion", version.id)


@dataclass(frozen=True)
class Client:
    """An HTTP client of the application, without a session or with a person's."""

    http: httpx2.AsyncClient
    session: str | None = None

    def of(self, person: Person) -> "Client":
        """The same client with that person's session as a bearer."""
        return replace(self, session=person.session)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session}"} if self.session else {}

    async def graphql(
        self, query: str, variables: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        return await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables or {}},
            headers=self.headers | headers,
        )

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of an operation that must succeed."""
        response = await self.graphql(query, variables)
        body = response.json()
        assert response.status_code == 200, body
        assert "errors" not in body, body
        return body["data"]

    async def mutate(self, name: str, fields: str = "", /, **input_fields: Any) -> Any:
        """The result of one mutation: its type's name, a problem's fields, and `fields`.

        `fields` are inline fragments on the members of the result's union.
        """
        result_type = f"{name[0].upper()}{name[1:]}"
        query = (
            f"mutation ($input: {result_type}Input!) {{ {name}(input: $input) {{"
            f" __typename ... on Problem {{ code message }} {fields} }} }}"
        )
        return (await self.data(query, input=input_fields))[name]


async def complete(made: Iterable[models.Token]) -> None:
    """Add the rows that follow tokens that were made as rows: of their search and their secrets.

    Nobody knows these secrets, and they grant nothing.
    """
    made = list(made)
    rows = [token_search.row_of(token) for token in made]
    await models.TokenSearch.bulk_create(rows, batch_size=PORTION)
    secrets = [
        models.TokenSecret(
            tenant_id=token.tenant_id,
            token_id=token.id,
            digest=token_bytes(32),
            closed_by=None if token.is_live else models.ClosedBy.REVOKED,
            grants=b"",
            expires_at=token.expires_at,
            block="PAUSED" if token.paused_at else None,
            networks=token.networks,
            requests_per_hour=token.requests_per_hour,
        )
        for token in made
    ]
    await models.TokenSecret.bulk_create(secrets, batch_size=PORTION)


async def digest_of(token: models.Token) -> bytes:
    """The digest of a token's latest secret, as it is kept."""
    secrets = models.TokenSecret.filter(tenant_id=token.tenant_id, token_id=token.id)
    return bytes((await secrets.order_by("-generation"))[0].digest)


async def grants_kept(token: models.Token) -> bytes | None:
    """The grants of a token's only secret, as the wire reads them."""
    secret = await models.TokenSecret.get(tenant_id=token.tenant_id, token_id=token.id)
    return None if secret.grants is None else bytes(secret.grants)


def token_id(token: models.Token | UUID) -> str:
    return encode_id("Token", token if isinstance(token, UUID) else token.id)
