"""`tessera explain`: the answer of `/authorize` to a request with a token now, and its reason."""

import click

from server.catalogue import Difference, Near
from server.cli.tokens import Named, on_a_token
from server.decisions.explanation import Explanation, Step, StepKind
from server.decisions.limits import RateLimiter, rate_limiter
from server.errors import NotFound
from server.operations import explaining
from server.operations.explaining import Request
from server.service import Service

_STEPS = {
    StepKind.HOST: "Host",
    StepKind.SECRET: "Secret",
    StepKind.OLD_SECRET: "Old secret",
    StepKind.TENANT_NETWORKS: "Networks of the tenant",
    StepKind.TOKEN_NETWORKS: "Networks of the token",
    StepKind.TARGET: "Path",
    StepKind.OPERATION: "Operation",
    StepKind.PERMISSION: "Permission",
    StepKind.TENANT_LIMIT: "Limit of the tenant",
    StepKind.TOKEN_LIMIT: "Limit of the token",
}
_DIFFERENCES = {
    Difference.METHOD: "another method",
    Difference.TRAILING_SLASH: "differs by the slash at the end",
    Difference.BASE_PATH: "another base path",
    Difference.SPELLING: "another spelling",
    Difference.RETIRED: "has left the API",
    Difference.CLOSED: "closed",
}


@click.command()
@click.option("--method", default="GET", show_default=True, help="The HTTP method.")
@click.option("--url", required=True, help="The URL, or its path on the tenant's API.")
@click.option("--address", required=True, help="The IP address of the client.")
@on_a_token
async def explain(named: Named, method: str, url: str, address: str) -> None:
    """Show the answer of `/authorize` to a request, step by step.

    Nothing is counted, logged or changed. A secret from standard input is checked itself. Otherwise
    the newest live secret of the token is checked.
    """
    limiter = _limiter(named.service)
    found = await explaining.explain(
        named.operator,
        named.service,
        limiter,
        named.token_id,
        Request(method, url, address),
        named.digests,
    )
    if limiter is not None:
        await limiter.close()
    if found is None:
        raise NotFound
    _print(found)


def _limiter(service: Service) -> RateLimiter | None:
    """Return the counts that all instances share, or None if each has its own in memory."""
    url = service.settings.rate_limit_url
    return rate_limiter(url) if url else None


def _print(found: Explanation) -> None:
    decision = "ALLOW" if found.code is None else f"DENY {found.code.value}"
    click.echo(f"{'Decision':22}  {decision}, status {found.status}")
    for step in found.steps:
        outcome = step.outcome.value.lower().replace("_", " ")
        click.echo(f"{_STEPS[step.kind]:22}  {outcome:11}  {step.sentence}")
        for line in _details(step):
            click.echo(f"{'':37}{line}")


def _details(step: Step) -> list[str]:
    return [*step.networks, *map(_near, step.near)]


def _near(one: Near) -> str:
    reason = f": {one.reason}" if one.reason else ""
    return f"{one.method} {one.path} ({_DIFFERENCES[one.difference]}{reason})"
