"""Permission fingerprints depend on the method and on the shape of the path."""

import pytest

from models import permission_fingerprint


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("GET /a/{x}", "GET /a/{y}", True),
        ("GET /a/{x}", "PUT /a/{x}", False),
        ("GET /a/{x}/{y}", "GET /a/{y}/{x}", True),
        ("GET /a/{x}", "GET /a/{x}/", False),
        ("GET /a/{x}", "GET /a/x", False),
        ("GET /a/{x}", "GET /a/{x+}", False),
        ("GET /a/{x+}", "GET /a/{y+}", True),
        ("GET /a/{x}.{y}", "GET /a/{n}.{m}", True),
        ("GET /a/{x}.{y}", "GET /a/{x}-{y}", False),
        ("GET /a/%7Ex", "GET /a/~x", True),
        ("GET /a/%7Bx%7D", "GET /a/{x}", False),
        ("GET /a/%257Bx%257D", "GET /a/%7Bx%7D", False),
        ("GET /A", "GET /a", False),
    ],
)
def test_parameter_names_do_not_change_the_fingerprint(one: str, other: str, is_same: bool) -> None:
    assert (permission_fingerprint(one) == permission_fingerprint(other)) is is_same
