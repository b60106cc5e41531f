"""Global ids: their form, and that every other text is refused."""

from uuid import UUID, uuid4

import pytest

from server.global_ids import decode_id, encode_id, id_of, row_id


def test_id_names_its_type_and_row() -> None:
    number = uuid4()
    assert decode_id(encode_id("Token", number)) == ("Token", number)
    assert row_id("Token", encode_id("Token", number)) == number


def test_id_of_another_type_is_not_found() -> None:
    assert row_id("Token", encode_id("Admin", uuid4())) is None
    assert id_of("Token", encode_id("Admin", uuid4())) == UUID(int=0)


@pytest.mark.parametrize(
    "text",
    ["", "=", "abc", "VG9rZW4", "VG9rZW46", "\0", "é", "👾", "A" * 10_000, "' OR 1=1", "Token:1"],
)
def test_malformed_id_is_not_found(text: str) -> None:
    assert decode_id(text) is None
    assert id_of("Token", text) == UUID(int=0)


def test_id_has_one_form() -> None:
    text = encode_id("Token", uuid4())
    assert all(decode_id(variant) is None for variant in (f"{text}=", f" {text}", f"{text}\n"))
