"""Global ids (Relay Object Identification): a type and an id in base64, without authority."""

from base64 import b64decode
from binascii import b2a_base64
from uuid import UUID

MAX_ID_LENGTH = 128


def encode_id(type_name: str, row_id: UUID) -> str:
    """The global id of a row."""
    return encode_hex_id(type_name, row_id.hex)


def encode_hex_id(type_name: str, hexadecimal: str) -> str:
    """The global id of a row whose id is at hand as 32 hexadecimal digits."""
    # In base64 of letters, digits and colons there is neither `+` nor `/`.
    encoded = b2a_base64(f"{type_name}:{hexadecimal}".encode(), newline=False)
    return encoded.decode().rstrip("=")


def decode_id(text: str) -> tuple[str, UUID] | None:
    """The type and id that `text` names, or None for anything that `encode_id` does not write."""
    if len(text) > MAX_ID_LENGTH:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        name, _, hexadecimal = (
            b64decode(padded, altchars="-_", validate=True).decode().partition(":")
        )
        row_id = UUID(hex=hexadecimal)
    except ValueError:
        return None
    return (name, row_id) if encode_id(name, row_id) == text else None


def row_id(type_name: str, text: str) -> UUID | None:
    """The id that `text` names if it is of that type, else None."""
    decoded = decode_id(text)
    return decoded[1] if decoded and decoded[0] == type_name else None


def id_of(type_name: str, text: str) -> UUID:
    """The id that `text` names.

    Returns the nil UUID, which no row has, for any text that is no id of that type. A malformed id
    is therefore not found in the same way, and after the same time, as an absent row.
    """
    return row_id(type_name, text) or UUID(int=0)
