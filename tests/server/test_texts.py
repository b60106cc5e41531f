"""What names, descriptions, addresses and slugs may be."""

import pytest

from server.errors import InvalidInput
from server.texts import (
    clean_description,
    clean_email,
    clean_name,
    clean_slug,
    normal_email,
    searchable,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("CI", "CI"),
        ("  CI  ", "CI"),
        ("\n CI \t", "CI"),
        ("e\N{COMBINING ACUTE ACCENT}", "é"),
        ("名前 👾", "名前 👾"),
        ("x" * 100, "x" * 100),
        ("👾" * 100, "👾" * 100),
        (" " * 500 + "x", "x"),
    ],
)
def test_names_are_trimmed_and_in_one_normal_form(given: str, kept: str) -> None:
    assert clean_name(given) == kept


_DECEIVING = {
    "a null": "a\0b",
    "a line break": "a\nb",
    "a tab": "a\tb",
    "an escape": "a\x1b[31mb",
    "a C1 control": "a\x85b",
    "a bidi override": "a\N{RIGHT-TO-LEFT OVERRIDE}b",
    "a bidi isolate": "a\N{FIRST STRONG ISOLATE}b",
    "a bidi mark": "a\N{RIGHT-TO-LEFT MARK}b",
    "a zero-width space": "a\N{ZERO WIDTH SPACE}b",
    "a soft hyphen": "a\N{SOFT HYPHEN}b",
    "a byte order mark": "a\ufeffb",
    "a tag": "a\U000e0041b",
    "a line separator": "a\u2028b",
    "a surrogate": "a\ud800b",
    "a private character": "a\ue000b",
}


@pytest.mark.parametrize("text", _DECEIVING.values(), ids=_DECEIVING.keys())
def test_characters_that_deceive_are_refused(text: str) -> None:
    for clean, field in [(clean_name, "name"), (clean_description, "description")]:
        with pytest.raises(InvalidInput) as refusal:
            clean(text)
        assert refusal.value.field == field


@pytest.mark.parametrize("text", ["", "   ", "\n", "x" * 101, "👾" * 101])
def test_names_have_1_to_100_characters(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(text)


def test_descriptions_have_up_to_1000_characters() -> None:
    assert clean_description(" ") == ""
    assert len(clean_description("x" * 1000)) == 1000
    with pytest.raises(InvalidInput):
        clean_description("x" * 1001)


def test_addresses_are_compared_in_lower_case() -> None:
    assert clean_email("  Ada@Example.COM ") == "ada@example.com" == normal_email("ADA@EXAMPLE.com")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@@example.com",
        "ada@example.com\0",
        "ada@example..com",
        f"{'a' * 250}@example.com",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_email(text)


@pytest.mark.parametrize("text", ["a", "acme", "a-1", "x" * 63])
def test_slugs_are_dns_labels(text: str) -> None:
    assert clean_slug(text) == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "A", "a.b", "a_b", "x" * 64, "é", "a\n", "a b", "a/b"]
)
def test_what_is_no_dns_label_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_slug(text)


def test_search_ignores_case_and_form() -> None:
    assert searchable("ÉTÉ") == searchable(
        "e\N{COMBINING ACUTE ACCENT}té".replace("té", "te\u0301")
    )
    assert searchable("STRASSE") == searchable("straße")
