"""Texts that people enter: trimmed, in one normal form, without deceptive characters. Every
function checks the length before it reads the characters. Normalising takes quadratic time on long
runs of combining marks, and holds Python's lock meanwhile.
"""

import re
import unicodedata
from collections.abc import Callable
from hashlib import blake2b
from string import ascii_letters, digits
from uuid import UUID

import idna

from server.errors import InvalidInput

MAX_NAME_LENGTH = 100
MAX_DESCRIPTION_LENGTH = 1000
MAX_REASON_LENGTH = 500
MAX_SLUG_LENGTH = 63
_MAX_IDEMPOTENCY_KEY_LENGTH = 255
_MAX_EMAIL_LENGTH = 254
# A letter with its marks, which normalising composes, has up to four code points before that.
_MAX_DECOMPOSED = 4
# As in UAX #15's stream-safe format. No word of any language has more.
_MAX_MARKS = 30
# Control, format (bidi among them), surrogate, private use, line and paragraph separators.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# The soft hyphen and the word joiner: pasted texts hold them, and they are invisible.
_DROPPED = re.compile("[\u00ad\u2060]")
# Every secret has more characters, all of these.
LOOKED_AT_BEYOND = 30
_SECRET_CHARACTERS = f"{ascii_letters}{digits}_+/=-"
_MAY_BE_SECRET = re.compile(r"[\w+/=-]{30,}", re.ASCII)
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_JOINERS = "\u200c\u200d"
_ZWJ = "\u200d"
_TOKEN_SECRET = re.compile(r"[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{49}")
_LINE_BREAK = re.compile(r"\r\n?")
_VIRAMA = 9
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
# Accents and the like; marks that tell letters apart, as in Hindi or Japanese, have lower classes.
_MIN_ACCENT_CLASS = 200
_GRAM_LENGTHS = (1, 2, 3)
_WORD_BYTES = 4
# More would only lengthen the query: each already narrows the texts compared in the end.
_MAX_WORDS = 32


def text_of_client(text: str, max_length: int) -> str:
    """A client's own text, for storage and display: cut to `max_length` characters.

    Clients may put secrets there, and a cut text could keep the beginning of one. Words as long as
    a secret therefore become `...`. Characters that are not printable ASCII become `?`. Looks at
    `LOOKED_AT_BEYOND` characters more than `max_length`.
    """
    looked_at = text[: max_length + LOOKED_AT_BEYOND]
    if len(text) > max_length:
        whole = looked_at.rstrip(_SECRET_CHARACTERS)
        looked_at = whole if whole == looked_at else f"{whole}..."
    return _NOT_PRINTABLE.sub("?", _MAY_BE_SECRET.sub("...", looked_at)[:max_length])


def check_idempotency_key(key: str | None, field: str = "idempotencyKey") -> None:
    """Raises `InvalidInput` for a key that is not 1 to 255 printable ASCII characters."""
    if key is None:
        return
    longest = _MAX_IDEMPOTENCY_KEY_LENGTH
    if not 1 <= len(key) <= longest or not (key.isascii() and key.isprintable()):
        raise InvalidInput(
            field, f"An idempotency key has 1 to {longest} printable ASCII characters."
        )


def clean_name(text: str, field: str = "name") -> str:
    """`text` as a name: 1 to 100 code points in one line. Raises `InvalidInput`."""
    name = _clean(text, field, "A name", MAX_NAME_LENGTH)
    if not name:
        raise InvalidInput(field, "Enter a name.")
    return name


def clean_description(text: str, field: str = "description") -> str:
    """`text` as a description: up to 1,000 code points, with line breaks as `\\n`.

    Raises `InvalidInput`.
    """
    lines = _LINE_BREAK.sub("\n", text)
    return _clean(lines, field, "A description", MAX_DESCRIPTION_LENGTH, allowed="\n")


def clean_request_reason(text: str, field: str = "reason") -> str:
    """`text` as a reason: 1 to 500 code points, with line breaks as `\\n`.

    Raises `InvalidInput`.
    """
    lines = _LINE_BREAK.sub("\n", text)
    reason = _clean(lines, field, "A reason", MAX_REASON_LENGTH, allowed="\n")
    if not reason:
        raise InvalidInput(field, "Enter a reason.")
    # It is kept, shown to others and sent to webhooks.
    if _TOKEN_SECRET.search(reason):
        raise InvalidInput(field, "A reason cannot hold the secret of a token.")
    return reason


def clean_email(text: str, field: str = "email") -> str:
    """`text` as an e-mail address in the form of `normal_email`. Raises `InvalidInput`."""
    email = normal_email(text)
    if not _EMAIL.fullmatch(email) or any(map(_is_refused, text.strip())):
        raise InvalidInput(field, "Enter an e-mail address.")
    return email


def normal_email(text: str) -> str:
    """The form in which addresses are stored and compared: lower case, the domain in ASCII.

    "" for a text that is longer than any address, or has a domain that ASCII cannot write.
    """
    trimmed = text.strip()
    if len(trimmed) > _MAX_EMAIL_LENGTH:
        return ""
    local, at, domain = storable(unicodedata.normalize("NFC", trimmed).lower()).rpartition("@")
    email = f"{local}{at}{_ascii_domain(domain)}" if at else domain
    return email if len(email) <= _MAX_EMAIL_LENGTH else ""


def storable(text: str) -> str:
    """`text` without NUL, which PostgreSQL cannot even compare with."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def clean_slug(text: str, field: str = "slug") -> str:
    """`text` as a DNS label (RFC 1123). Raises `InvalidInput`."""
    if not is_slug(text):
        raise InvalidInput(
            field, f"A {field} has 1 to 63 lower-case letters, digits and hyphens inside."
        )
    return text


def is_slug(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123)."""
    return _SLUG.fullmatch(text) is not None


def normal_slug(text: str) -> str | None:
    """The slug that a person means who types `text`: in any case, with spaces around; or None."""
    trimmed = text.strip()
    slug = trimmed.lower() if len(trimmed) <= MAX_SLUG_LENGTH and trimmed.isascii() else ""
    return slug if is_slug(slug) else None


def search_text(*texts: str) -> str:
    """The searchable text of a token. No search term holds the line breaks between `texts`."""
    return "\n".join(map(searchable, texts))


def searchable(text: str) -> str:
    """The form in which texts are searched: without case, width, accents, joiners and line breaks.

    The caller bounds the length of `text`.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(filter(_is_searched, folded))
    return " ".join(storable(unicodedata.normalize("NFC", bare)).split())


def has_too_many_marks(text: str) -> bool:
    """Whether more combining marks follow each other in `text` than in any word."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MAX_MARKS:
            return True
    return False


def index_words(tenant_id: UUID, text: str) -> list[str]:
    """The words of every sequence of one to three characters in a searchable text."""
    grams = {
        text[start : start + length]
        for length in _GRAM_LENGTHS
        for start in range(len(text) - length + 1)
    }
    return sorted(map(_words(tenant_id), grams))


def query_words(tenant_id: UUID, term: str) -> list[str]:
    """The words that a text's `index_words` must hold for `term`, searchable, to be in it."""
    length = min(len(term), _GRAM_LENGTHS[-1])
    starts = range(len(term) - length + 1)
    grams = dict.fromkeys(term[start : start + length] for start in starts)
    return list(map(_words(tenant_id), list(grams)[:_MAX_WORDS]))


def _words(tenant_id: UUID) -> Callable[[str], str]:
    """The function that maps a sequence of characters to its word in the tenant's index."""
    # A text has hundreds of sequences. The key is hashed once: that is half of a short hash.
    keyed = blake2b(digest_size=_WORD_BYTES, key=tenant_id.bytes)

    def word_of(gram: str) -> str:
        hashed = keyed.copy()
        hashed.update(gram.encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()

    return word_of


def _is_searched(character: str) -> bool:
    return (
        unicodedata.combining(character) < _MIN_ACCENT_CLASS
        and unicodedata.category(character) != "Cf"
    )


def _clean(text: str, field: str, kind: str, most: int, allowed: str = "") -> str:
    trimmed = _DROPPED.sub("", text).strip()
    if len(trimmed) <= _MAX_DECOMPOSED * most:
        _check_characters(trimmed, field, kind, allowed)
        cleaned = unicodedata.normalize("NFC", trimmed)
        if len(cleaned) <= most:
            return cleaned
    raise InvalidInput(field, f"{kind} has at most {most} characters.")


def _check_characters(text: str, field: str, kind: str, allowed: str) -> None:
    refused = (
        at
        for at, character in enumerate(text)
        if character not in allowed and _is_refused(character)
    )
    if not all(text[at] in _JOINERS and _joins(text, at) for at in refused):
        raise InvalidInput(field, f"{kind} cannot hold control characters or invisible ones.")
    if has_too_many_marks(text):
        raise InvalidInput(field, f"{kind} has at most {_MAX_MARKS} accents on one letter.")


def _is_refused(character: str) -> bool:
    return unicodedata.category(character) in _REFUSED_CATEGORIES


def _joins(text: str, at: int) -> bool:
    """Whether the joiner at that index shapes what is beside it: elsewhere it would be invisible.

    RFC 5892, appendix A: after a virama, or between letters of a cursive script; and before a
    virama, as in Bengali, and between the parts of an emoji.
    """
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not before:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if not after:
        return False
    if unicodedata.combining(after) == _VIRAMA:
        return unicodedata.category(before) == "Lo"
    if text[at] == _ZWJ and _is_emoji(before) and _is_emoji(after):
        return True
    return _is_cursive(_base(text, at)) and _is_cursive(after)


def _base(text: str, end: int) -> str:
    """The last character before `end` that is no mark; "" if there is none."""
    nearest = reversed(text[max(0, end - _MAX_MARKS - 1) : end])
    return next((c for c in nearest if not unicodedata.combining(c)), "")


def _is_cursive(character: str) -> bool:
    return bool(character) and unicodedata.bidirectional(character) == "AL"


def _is_emoji(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sk", "Sm"} or character == "\ufe0f"


def _ascii_domain(domain: str) -> str:
    """The domain in its ASCII spelling (IDNA 2008 after UTS #46); "" where it has none."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return ""
