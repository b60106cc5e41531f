"""The envelope in which GitHub's secret scanning, and services like it, report secrets.

A signature over the raw body, in two headers, and a JSON array of findings. The answer labels each.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from server.errors import InvalidInput
from server.leaks.keys import MAX_KEY_ID_LENGTH
from server.web.json import parse_json

MAX_FINDINGS = 1_000
_MAX_URL_LENGTH = 2_000
_MAX_TYPE_LENGTH = 200
# A DER signature of P-256 has 72 bytes at most.
_MAX_SIGNATURE_LENGTH = 96
_KEY_ID = re.compile(rf"[0-9A-Za-z_.:-]{{1,{MAX_KEY_ID_LENGTH}}}")
_SIGNATURE = re.compile(rf"[0-9A-Za-z+/]{{8,{_MAX_SIGNATURE_LENGTH}}}={{0,2}}")
_SOURCE = re.compile(r"[a-z0-9_ .-]{1,50}")
_URL = re.compile(rf"https?://[!-~]{{1,{_MAX_URL_LENGTH - 8}}}")


@dataclass(frozen=True, slots=True)
class Signed:
    """The shape of a signature: who made it, and its bytes."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret that was found, and where: both cleaned, None if the report has no usable value."""

    secret: str = field(repr=False)
    type: str
    found_at: str | None
    source: str | None

    def labelled(self, *, is_known: bool) -> dict[str, str]:
        """The answer about it. It names the secret by its hash alone."""
        return {
            "token_hash": sha256(self.secret.encode()).hexdigest(),
            "token_type": self.type,
            "label": "true_positive" if is_known else "false_positive",
        }


def read_signature(headers: Headers, prefix: str) -> Signed | None:
    """The signature in the two headers that begin with `prefix`.

    None unless each comes once and is well-formed.
    """
    key_ids = headers.getlist(f"{prefix}-Identifier")
    signatures = headers.getlist(f"{prefix}-Signature")
    if len(key_ids) != 1 or len(signatures) != 1:
        return None
    if not _KEY_ID.fullmatch(key_ids[0]) or not _SIGNATURE.fullmatch(signatures[0]):
        return None
    try:
        return Signed(key_ids[0], b64decode(signatures[0], validate=True))
    except ValueError:
        return None


def read_findings(content: bytes) -> list[Finding]:
    """The findings in a body whose signature was verified.

    Members that the protocol gains later are ignored. Raises `BadRequest` if the body is not JSON,
    and `InvalidInput` if it is not a list of findings.
    """
    entries = parse_json(content)
    if not isinstance(entries, list) or len(entries) > MAX_FINDINGS:
        raise InvalidInput("body", f"The body must be a list of at most {MAX_FINDINGS} findings.")
    return [_finding(entry) for entry in entries]


def _finding(entry: Any) -> Finding:
    if not isinstance(entry, dict):
        raise InvalidInput("body", "A finding must be an object.")
    secret, kind = (_text(entry, name) for name in ("token", "type"))
    if len(kind) > _MAX_TYPE_LENGTH:
        raise InvalidInput("type", f"`type` has at most {_MAX_TYPE_LENGTH} characters.")
    url, source = (entry.get(name) for name in ("url", "source"))
    return Finding(secret, kind, clean_url(url, secret), _clean_source(source))


def _text(entry: dict[str, Any], name: str) -> str:
    text = entry.get(name)
    # A lone surrogate cannot be hashed; the parser refuses it already.
    if not isinstance(text, str):
        raise InvalidInput(name, f"`{name}` is required, as text.")
    return text


def clean_url(url: Any, secret: str) -> str | None:
    """A URL of the web, as it is kept and shown; None for anything else.

    None too if it holds a user's name, a password or the secret itself.
    """
    if not isinstance(url, str) or len(url) > _MAX_URL_LENGTH or not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or (secret and secret in url):
        return None
    return url


def _clean_source(source: Any) -> str | None:
    """The kind of place. Its case differs between the origin's samples."""
    if not isinstance(source, str) or not _SOURCE.fullmatch(source[:51].lower()):
        return None
    return source.lower()


def distinct(findings: Iterable[Finding]) -> dict[str, Finding]:
    """The first finding of each secret: the same one may lie in many places."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.secret, finding)
    return first
