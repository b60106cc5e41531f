"""`tessera token`: shows and stops the tokens of a tenant, even while the console is down."""

import getpass
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

import click

import models
from models import RevocationReason
from server.access.principal import TenantOperator
from server.cli.commands import operator, run, settings_of_environment
from server.conditions import networks_of
from server.decisions.holders import digests_of
from server.errors import InvalidInput, NotFound
from server.global_ids import encode_id, id_of
from server.operations import admins, conditions, operators, rotation, tenants, tokens, usage
from server.paging import MAX_PAGE_SIZE, PageRequest
from server.service import Service
from server.starting import running_service

# No secret is as long; the rest of a longer line is not read.
_MAX_SECRET_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Named:
    """The token that a command names, and the operator within its tenant.

    digests: of the secret that names it; none where its id does.
    """

    service: Service
    operator: TenantOperator
    token_id: UUID
    is_retired: bool = False
    digests: tuple[bytes, ...] = ()

    @property
    def id(self) -> str:
        return encode_id("Token", self.token_id)


Act = Callable[..., Coroutine[Any, Any, None]]


def on_a_token(act: Act) -> Callable[..., int]:
    """Turn `act` into a command that names one token: by its id and tenant, or by its secret.

    act: takes the token, and the values of its own options.
    """

    @click.argument("token", required=False)
    @click.option("--tenant", metavar="SLUG", help="The tenant that TOKEN belongs to.")
    @click.option(
        "--secret-stdin",
        is_flag=True,
        help="Read the token's secret from standard input, instead of TOKEN and --tenant.",
    )
    @run
    @wraps(act)
    async def command(
        token: str | None, tenant: str | None, secret_stdin: bool, **options: Any
    ) -> None:
        if secret_stdin != (token is None) or secret_stdin != (tenant is None):
            raise click.UsageError("Name a TOKEN and its --tenant, or pass --secret-stdin alone.")
        # An argument would be in the list of processes and in the shell's history.
        secret = _read_secret() if secret_stdin else None
        async with running_service(settings_of_environment()) as service:
            await act(await _find(service, secret, token or "", tenant or ""), **options)

    return command


def _read_secret() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("The secret: ").strip()
    try:
        return sys.stdin.buffer.readline(_MAX_SECRET_BYTES).decode().strip()
    except UnicodeDecodeError:
        raise NotFound from None


async def _find(service: Service, secret: str | None, token: str, tenant: str) -> Named:
    if secret is None:
        return Named(service, await operators.enter(operator(), tenant), id_of("Token", token))
    found = await operators.find_by_secret(operator(), service, secret)
    digests = digests_of(service, secret)
    return Named(service, found.operator, found.token_id, found.is_retired, digests)


def _require_latest(named: Named) -> None:
    """Raises `InvalidInput` if a rotation has retired the secret."""
    if named.is_retired:
        message = f"Another secret has replaced this one. Name token {named.id} to change it."
        raise InvalidInput("secret", message)


@click.group()
def token() -> None:
    """Show and stop the tokens of a tenant."""


@token.command(name="list")
@click.option("--tenant", required=True, metavar="SLUG", help="The tenant.")
@click.option("--search", metavar="TEXT", help="Only tokens with this text in name or description.")
@run
async def print_list(tenant: str, search: str | None) -> None:
    """List a tenant's tokens, the newest first.

    Revoked ones are left out. Instants are in UTC."""
    async with running_service(settings_of_environment()):
        within = await operators.enter(operator(), tenant)
        _print_row("TOKEN", "STATE", "HINT", "EXPIRES", "LAST USED", "NAME")
        request = PageRequest(MAX_PAGE_SIZE)
        while True:
            page = await tokens.search(within, request, search)
            await _print_rows(within, list(page.rows))
            if not page.has_next:
                return
            request = PageRequest(MAX_PAGE_SIZE, page.rows[-1].id)


async def _print_rows(operator: TenantOperator, rows: list[models.Token]) -> None:
    states = await conditions.states(operator, rows)
    uses = await usage.last_uses(operator, [row.id for row in rows])
    for row, state in zip(rows, states, strict=True):
        last = uses.get(row.id)
        _print_row(
            encode_id("Token", row.id),
            state,
            row.hint,
            _minute(row.expires_at),
            _minute(last.last_used_at if last else None),
            row.name,
        )


def _print_row(token_id: str, state: str, hint: str, expires: str, used: str, name: str) -> None:
    """Print a row with fixed widths, because rows are printed while further ones are read."""
    click.echo(f"{token_id:51}  {state:7}  {hint:12}  {expires:16}  {used:16}  {name}")


@token.command()
@on_a_token
async def show(named: Named) -> None:
    """Show a token, live or revoked. Instants are in UTC."""
    operator = named.operator
    row = await _get(named)
    tenant = await tenants.get(operator)
    last = (await usage.last_uses(operator, [row.id])).get(row.id)
    under_way = (await rotation.under_way(operator, [row])).get(row.id)
    keys = (await tokens.permission_keys(operator, [row.id]))[row.id]
    used = _minute(last.last_used_at if last else None)
    lines = {
        "Token": named.id,
        "Tenant": tenant.slug,
        "Name": row.name,
        "State": (await conditions.states(operator, [row]))[0],
        "Owner": await _owner(operator, row),
        "Hint": row.hint + (", of the secret that replaced this one" if named.is_retired else ""),
        "Created": _minute(row.created_at),
        "Expires": _minute(row.expires_at),
        "Last used": f"{used} from {last.last_used_from}" if last else used,
        "Networks": ", ".join(networks_of(row.networks)) or "anywhere",
        "Limit": f"{row.requests_per_hour} an hour" if row.requests_per_hour else "of the tenant",
        "Rotation": f"since {_minute(under_way.created_at)}" if under_way else "none",
        "Permissions": f"\n{'':14}".join(sorted(keys)) or "none",
    }
    for name, value in lines.items():
        click.echo(f"{name:12}  {value}")


async def _get(named: Named) -> models.Token:
    row = (await tokens.find_many(named.operator, [named.token_id])).get(named.token_id)
    if row is None:
        raise NotFound
    return row


async def _owner(operator: TenantOperator, row: models.Token) -> str:
    if row.owner_id is None:
        return "the organisation"
    owner = (await admins.find_many(operator, [row.owner_id])).get(row.owner_id)
    return f"{owner.name} <{owner.address}>" if owner else "a former admin"


@token.command()
@click.option("--compromised", is_flag=True, help="Record that its secret is known to others.")
@on_a_token
async def revoke(named: Named, compromised: bool) -> None:
    """Revoke a token at once and for ever."""
    _require_latest(named)
    reason = RevocationReason.COMPROMISED if compromised else RevocationReason.REVOKED
    row = await tokens.revoke(named.operator, named.token_id, reason)
    click.echo(f"Revoked token {row.name}.")


@token.command()
@on_a_token
async def pause(named: Named) -> None:
    """Refuse a token until it is resumed."""
    _require_latest(named)
    row = await conditions.pause(named.operator, named.token_id)
    click.echo(f"Paused token {row.name}.")


@token.command()
@on_a_token
async def resume(named: Named) -> None:
    """Accept a paused token again."""
    _require_latest(named)
    row = await conditions.resume(named.operator, named.token_id)
    click.echo(f"Resumed token {row.name}.")


def _minute(at: datetime | None) -> str:
    """Return the minute in UTC, or `never` for None."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
