"""Texts that people give: trimmed, in one normal form, without characters that deceive."""

import re
import unicodedata

from server.errors import InvalidInput

NAME_LENGTH = 100
DESCRIPTION_LENGTH = 1000
_EMAIL_LENGTH = 254
# Control, format (bidi among them), surrogate, private use, line and paragraph separators.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def clean_name(text: str, field: str = "name") -> str:
    """`text` as a name: 1 to 100 code points. Raises `InvalidInput`."""
    name = _clean(text, field)
    if not name:
        raise InvalidInput(field, "A name is needed.")
    if len(name) > NAME_LENGTH:
        raise InvalidInput(field, f"A name has at most {NAME_LENGTH} characters.")
    return name


def clean_description(text: str, field: str = "description") -> str:
    """`text` as a description: up to 1,000 code points. Raises `InvalidInput`."""
    description = _clean(text, field)
    if len(description) > DESCRIPTION_LENGTH:
        raise InvalidInput(field, f"A description has at most {DESCRIPTION_LENGTH} characters.")
    return description


def clean_email(text: str, field: str = "email") -> str:
    """`text` as an e-mail address in lower case. Raises `InvalidInput`."""
    email = normal_email(text)
    if len(email) > _EMAIL_LENGTH or not _EMAIL.fullmatch(email) or _has_refused(text.strip()):
        raise InvalidInput(field, "This is not an e-mail address.")
    return email


def normal_email(text: str) -> str:
    """The form in which addresses are compared; "" for what is longer than any."""
    trimmed = text.strip()
    # Normalising takes quadratic time.
    if len(trimmed) > _EMAIL_LENGTH:
        return ""
    email = storable(unicodedata.normalize("NFC", trimmed).lower())
    return email if len(email) <= _EMAIL_LENGTH else ""


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
    slug = trimmed.lower() if len(trimmed) <= 63 and trimmed.isascii() else ""
    return slug if is_slug(slug) else None


def searchable(text: str) -> str:
    """The form in which texts are searched: upper and lower case alike."""
    return storable(unicodedata.normalize("NFC", text.casefold()))


def _clean(text: str, field: str) -> str:
    trimmed = text.strip()
    if _has_refused(trimmed):
        raise InvalidInput(field, "Control, format and invisible characters are not allowed.")
    return unicodedata.normalize("NFC", trimmed)


def _has_refused(text: str) -> bool:
    return any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text)
