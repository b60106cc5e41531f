"""Rules for names, descriptions, e-mail addresses and slugs."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from models import new_id
from server.access import token_search
from server.errors import InvalidInput, Refusal
from server.texts import (
    clean_description,
    clean_email,
    clean_name,
    clean_slug,
    has_too_many_marks,
    index_words,
    normal_email,
    normal_slug,
    query_words,
    searchable,
    text_of_client,
)
from server.token_format import new_token_secret


def test_no_part_of_a_secret_is_kept_of_what_clients_say_of_themselves() -> None:
    """Wherever it stands, also where the limit cuts it."""
    secret = new_token_secret("tsr")
    assert text_of_client("Mozilla/5.0 (X11; été)", 255) == "Mozilla/5.0 (X11; ?t?)"
    assert [text_of_client(one, 16) for one in ("GET", "VERSION-CONTROL")] == [
        "GET",
        "VERSION-CONTROL",
    ]
    for before in range(300):
        kept = text_of_client(f"{'a ' * (before // 2)}{'!' * (before % 2)}{secret} b", 255)
        assert len(kept) <= 255
        assert secret[:6] not in kept
        assert secret[20:26] not in kept
    assert text_of_client(secret, 16) == "..."
    assert text_of_client("x" * 40_000, 255) == "..."


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
        ("\N{GREEK SMALL LETTER ALPHA}\u0313\u0300\u0345" * 100, "\u1f82" * 100),
        # Persian, Hindi, Sinhala, Bengali, old Malayalam, emoji.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष क्\u200cष", "क्\u200dष क्\u200cष"),
        ("ශ්\u200dරී ලංකා", "ශ්\u200dරී ලංකා"),
        ("র\u200d্য", "র\u200d্য"),
        ("അവന്\u200d", "അവന്\u200d"),
        ("👩🏽\u200d💻 ❤️\u200d🔥 🏳️\u200d🌈", "👩🏽\u200d💻 ❤️\u200d🔥 🏳️\u200d🌈"),
        # Invisible characters of a pasted text are dropped.
        ("Inven\u00adtory \u2060sync\u2060", "Inventory sync"),
        ("\u2060 CI \u00ad ", "CI"),
    ],
)
def test_names_are_trimmed_and_normalised(given: str, kept: str) -> None:
    assert clean_name(given) == kept


_DECEIVING = {
    "a null": "a\0b",
    "a tab": "a\tb",
    "an escape": "a\x1b[31mb",
    "a C1 control": "a\x85b",
    "a bidi override": "a\N{RIGHT-TO-LEFT OVERRIDE}b",
    "a bidi isolate": "a\N{FIRST STRONG ISOLATE}b",
    "a bidi mark": "a\N{RIGHT-TO-LEFT MARK}b",
    "a zero-width space": "a\N{ZERO WIDTH SPACE}b",
    "a byte order mark": "a\ufeffb",
    "a tag": "a\U000e0041b",
    "a line separator": "a\u2028b",
    "a surrogate": "a\ud800b",
    "a private character": "a\ue000b",
    "a joiner between Latin letters": "ad\u200dmin",
    "a non-joiner between Latin letters": "ad\u200cmin",
    "a joiner at the beginning": "\u200dक",
    "a joiner at the end": "می\u200c",
    "a joiner before a space": "می\u200c خواهم",
    "two joiners": "क्\u200d\u200dष",
    "a joiner between an emoji and a letter": "👩\u200dx",
    "a non-joiner between emoji": "👩\u200c💻",
    "an accent on an accent, 31 times": "a" + "\u0315" * 31,
}


@pytest.mark.parametrize("text", _DECEIVING.values(), ids=_DECEIVING.keys())
def test_deceptive_characters_are_refused(text: str) -> None:
    for clean, field in [(clean_name, "name"), (clean_description, "description")]:
        with pytest.raises(InvalidInput) as refusal:
            clean(text)
        assert refusal.value.field == field


@pytest.mark.parametrize("text", ["", "   ", "\n", "\u00ad\u2060"])
def test_empty_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        clean_name(text)
    assert refusal.value.message == "Enter a name."


@pytest.mark.parametrize("text", ["x" * 101, "👾" * 101, "x" * 401, "a\u0315\u0316" * 1_000_000])
def test_names_have_up_to_100_characters(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        clean_name(text)
    assert refusal.value.message == "A name has at most 100 characters."


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb", "a\u0085b"])
def test_name_is_one_line(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(text)


def test_descriptions_have_up_to_1000_characters() -> None:
    assert clean_description(" ") == ""
    assert len(clean_description("x" * 1000)) == 1000
    with pytest.raises(InvalidInput):
        clean_description("x" * 1001)


def test_descriptions_keep_their_line_breaks() -> None:
    assert clean_description("\r\none\r\n\r\ntwo\rthree\n ") == "one\n\ntwo\nthree"
    assert len(clean_description("x\r\n" * 499 + "xx")) == 1000


_MARKS = "\u0315" * 16_000 + "\u0316" * 16_000
_CHECKS: dict[str, Callable[[str], object]] = {
    "a name": clean_name,
    "a description": clean_description,
    "an e-mail address": clean_email,
    "an e-mail address at sign-in": normal_email,
    "a tenant at sign-in": normal_slug,
    "a search": token_search.term_of,
    "marks": has_too_many_marks,
}


@pytest.mark.parametrize("check", _CHECKS)
@pytest.mark.parametrize("size", [200, 1000, 4000, len(_MARKS)])
def test_combining_marks_take_linear_time(check: str, size: int) -> None:
    """Reordering marks takes quadratic time and holds the GIL."""

    def seconds(text: str) -> float:
        started = time.process_time()
        for _ in range(5):
            with suppress(Refusal):
                _CHECKS[check](text)
        return time.process_time() - started

    nasty = _MARKS[len(_MARKS) // 2 - size // 2 :][:size]
    harmless = min(seconds("x" * size) for _ in range(3))
    assert min(seconds(nasty) for _ in range(3)) < max(5 * harmless, 0.005)


def test_addresses_are_compared_in_lower_case() -> None:
    assert clean_email("  Ada@Example.COM ") == "ada@example.com" == normal_email("ADA@EXAMPLE.com")


@pytest.mark.parametrize(
    "domain",
    [
        "bücher.example",
        "BÜCHER.example",
        "bu\u0308cher.EXAMPLE",
        "ｂücher\u3002example",
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.Example",
    ],
)
def test_international_domain_has_one_spelling(domain: str) -> None:
    assert clean_email(f"Ada@{domain}") == "ada@xn--bcher-kva.example"
    assert normal_email(f" ada@{domain}") == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("domain", ["faß.example", "xn--fa-hia.example"])
def test_sharp_s_in_a_domain_is_not_ss(domain: str) -> None:
    assert clean_email(f"ada@{domain}") == "ada@xn--fa-hia.example"


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
        f"ada@{'ü' * 64}.example",
        f"ada@{'ü.' * 120}example",
        "ada@-ü-.example",
        "ada@\u0301ü.example",
        "ada@bü\u00adcher.example",
        "ad\u200da@example.com",
    ],
)
def test_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_email(text)


@pytest.mark.parametrize("text", ["a", "acme", "a-1", "x" * 63])
def test_slugs_are_dns_labels(text: str) -> None:
    assert clean_slug(text) == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "A", "a.b", "a_b", "x" * 64, "é", "a\n", "a b", "a/b"]
)
def test_malformed_slug_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_slug(text)


@pytest.mark.parametrize("text", ["acme", "ACME", "  Acme\t", "\nacme\r\n"])
def test_tenant_slug_is_case_insensitive(text: str) -> None:
    assert normal_slug(text) == "acme"


@pytest.mark.parametrize(
    "text", ["", " ", "ac me", "acme.", "-a", "x" * 64, "x" * 100_000, "\N{KELVIN SIGN}", "ａcme"]
)
def test_malformed_tenant_is_not_found(text: str) -> None:
    assert normal_slug(text) is None


@pytest.mark.parametrize(
    ("stored", "term"),
    [
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "istanbul"),
        ("istanbul", "İSTANBUL"),
        ("ＡＰＩ ｋｅｙｓ", "api keys"),
        ("API", "ａｐｉ"),
        ("Crème brûlée", "creme brulee"),
        ("Đà Nẵng ư", "đa nang u"),
        ("ﬁle ① ㎏", "file 1 kg"),
        ("می\u200cخواهم", "میخواهم"),
        ("ΆΛΦΑ ᾳ", "αλφα αι"),
        ("two\nlines", "two lines"),
        ("a \t  b", " A  B "),
    ],
)
def test_search_form_ignores_case_width_accents_and_white_space(stored: str, term: str) -> None:
    assert searchable(term) in searchable(stored)


@pytest.mark.parametrize(("one", "other"), [("がく", "かく"), ("कि", "का"), ("ø", "o"), ("1", "l")])
def test_search_form_keeps_different_letters_apart(one: str, other: str) -> None:
    assert searchable(one) != searchable(other)


def test_text_is_indexed_by_sequences_of_up_to_three_characters() -> None:
    tenant, other = new_id(), new_id()
    text = "nightly export 👾\n"
    words = set(index_words(tenant, text))
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            assert words.issuperset(query_words(tenant, text[start:end]))
            assert words.isdisjoint(query_words(other, text[start:end]))
    assert len(query_words(tenant, "x y z")) == 3
    assert len(query_words(tenant, "".join(map(chr, range(200, 400))))) == 32


def test_search_ignores_case_and_normal_form() -> None:
    assert searchable("ÉTÉ") == searchable(
        "e\N{COMBINING ACUTE ACCENT}té".replace("té", "te\u0301")
    )
    assert searchable("STRASSE") == searchable("straße")
