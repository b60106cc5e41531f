"""Which activity becomes an event of which type, and which types a webhook may ask for."""

import pytest

import models
from models import ActivityKind
from server.access.events import (
    EVENT_OF_KIND,
    EVENT_TYPES,
    MAX_EVENT_PATTERNS,
    NOT_TOLD,
    clean_events,
    is_wanted,
)
from server.errors import InvalidInput


def test_every_kind_of_activity_is_told_or_has_a_reason_not_to_be() -> None:
    assert EVENT_OF_KIND.keys() | NOT_TOLD.keys() == set(ActivityKind)
    assert not EVENT_OF_KIND.keys() & NOT_TOLD.keys()
    assert all(len(reason) > 10 for reason in NOT_TOLD.values())
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES)


@pytest.mark.parametrize(
    "patterns",
    [
        [],
        [""],
        ["token"],
        ["token."],
        ["token.eaten"],
        ["nothing.*"],
        ["Token.created"],
        ["token.created,token.revoked"],
        ["token.created", "token.eaten"],
        ["webhook.test"],
        ["*"] * (MAX_EVENT_PATTERNS + 1),
    ],
)
def test_unknown_types_are_refused(patterns: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_events(patterns)
    assert refused.value.field == "events"


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["token.revoked", "token.revoked"], {"token.revoked"}),
        (["token.*"], {one for one in EVENT_TYPES if one.startswith("token.")}),
        (["*"], set(EVENT_TYPES)),
    ],
)
def test_webhook_wants_what_it_asks_for(patterns: list[str], wanted: set[str]) -> None:
    webhook = models.Webhook(events=clean_events(patterns))
    assert {one for one in EVENT_TYPES if is_wanted(webhook, one)} == wanted
