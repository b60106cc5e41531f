"""`/activity.ndjson` and `/activity.csv`: a tenant's activity as a stream, the earliest first.

It is read in portions, each in its own statement, and only one portion is in memory. A slow reader
holds no connection. A reader who continues after the last cursor misses nothing.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from models import Activity, ActivityKind
from server.access.authentication import authenticate
from server.access.trail import ActivityFilter
from server.access.turns import Turns
from server.database import is_unavailable, reaching
from server.errors import InvalidInput, Refusal
from server.export.lines import CONNECTION, Names, last_line, line
from server.export.records import HEADER, last_record, record
from server.global_ids import decode_id
from server.operations import activity
from server.paging import PageRequest, page_request
from server.service import Service
from server.web.problem import refusal_problem

# An activity may hold all permissions of a large catalogue: up to a mebibyte each.
_PORTION = 100
_MANY = {"kind"}
_ONE = {"actor", "subject", "since", "until", "after"}
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_UNAVAILABLE = {"code": "UNAVAILABLE", "detail": "The database does not answer."}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Form:
    """The text before all activities, before each, and after the last."""

    media_type: str
    before: bytes
    each: Callable[[Activity, Names], bytes]
    problem: Callable[[Mapping[str, str]], bytes]


_FORMS = {
    "/activity.ndjson": _Form("application/x-ndjson", b"", line, last_line),
    "/activity.csv": _Form("text/csv; charset=utf-8; header=present", HEADER, record, last_record),
}


def routes(service: Service, turns: Turns) -> list[Route]:
    """`/activity.ndjson` and `/activity.csv`."""
    return [_route(service, turns, path, form) for path, form in _FORMS.items()]


def _route(service: Service, turns: Turns, path: str, form: _Form) -> Route:
    async def endpoint(request: Request) -> Response:
        stream = _Stream(service, turns, request, form)
        try:
            # The first portion, before the answer begins: an error still gets a status.
            wanted, start = _wanted(request.query_params)
            first, after = await stream.portion(wanted, start)
        except Refusal as refusal:
            return refusal_problem(refusal)
        return StreamingResponse(
            stream.portions(wanted, form.before + first, after),
            media_type=form.media_type,
            headers={
                "Cache-Control": "no-store",
                # Browsers save it, and show no page: names in it are typed by people.
                "Content-Disposition": f'attachment; filename="{path.removeprefix("/")}"',
            },
        )

    return Route(path, endpoint, methods=["GET"])


@dataclass(frozen=True, slots=True)
class _Stream:
    service: Service
    turns: Turns
    request: Request
    form: _Form

    async def portions(
        self, wanted: ActivityFilter, first: bytes, after: PageRequest | None
    ) -> AsyncIterator[bytes]:
        """The portions from the first one on.

        A stream that cannot go on ends with a problem, which has no cursor.
        """
        yield first
        while after is not None:
            try:
                lines, after = await self.portion(wanted, after)
            except Refusal as refusal:
                yield self.form.problem({"code": refusal.code, "detail": refusal.message})
                return
            except Exception as error:
                if not is_unavailable(error):
                    raise
                yield self.form.problem(_UNAVAILABLE)
                return
            yield lines

    async def portion(
        self, wanted: ActivityFilter, start: PageRequest
    ) -> tuple[bytes, PageRequest | None]:
        """One portion as it is written, and where the next one begins, if there is one.

        As the person who asks by now: a session that has ended gets no more.
        """
        principal = await authenticate(self.service, self.request)
        async with self.turns.turn(principal):
            with reaching(principal.tenant_id):
                page = await activity.of_tenant(principal, start, wanted, newest_first=False)
                names = await Names.of(principal, page.rows)
        lines = b"".join(self.form.each(row, names) for row in page.rows)
        more = page.has_next and bool(page.rows)
        return lines, replace(start, position=page.rows[-1].id) if more else None


def _wanted(asked: QueryParams) -> tuple[ActivityFilter, PageRequest]:
    """The filter and the start that a query string asks for. Raises `InvalidInput`, `BadCursor`."""
    for name in asked:
        if name not in _MANY | _ONE or (name in _ONE and len(asked.getlist(name)) > 1):
            known = ", ".join(sorted(_MANY | _ONE))
            raise InvalidInput("query", f"Give each of {known} at most once, and `kind` any times.")
    wanted = ActivityFilter(
        _kinds(asked.getlist("kind")),
        _given(asked, "actor", _id),
        _given(asked, "subject", _id),
        _given(asked, "since", _instant),
        _given(asked, "until", _instant),
    )
    return wanted, replace(page_request(CONNECTION, None, asked.get("after")), size=_PORTION)


def _kinds(names: list[str]) -> frozenset[ActivityKind] | None:
    try:
        return frozenset(map(ActivityKind, names)) or None
    except ValueError:
        raise InvalidInput("kind", "A kind is one of GraphQL's ActivityKind.") from None


def _given(asked: QueryParams, name: str, read: Callable[[str, str], _T]) -> _T | None:
    text = asked.get(name)
    return None if text is None else read(name, text)


def _id(name: str, text: str) -> UUID:
    decoded = decode_id(text)
    if decoded is None:
        raise InvalidInput(name, f"`{name}` must be a global id.")
    return decoded[1]


def _instant(name: str, text: str) -> datetime:
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(name, f"`{name}` must be an RFC 3339 instant with an offset.")
