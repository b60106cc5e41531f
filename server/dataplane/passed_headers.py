"""The client's headers that the shipped gateway configurations pass on to an API.

The four files in `gateways/` list the same names. Run as a program with names as arguments, this
prints the generated line of traefik.yaml, with those names added.
"""

import re
import sys
from collections.abc import Iterable

# Each gateway sets Content-Length and Host itself.
PASSED = (
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Baggage",
    "Cache-Control",
    "Content-Digest",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-Id",
    "Origin",
    "Pragma",
    "Prefer",
    "Priority",
    "Range",
    "Referer",
    "Repr-Digest",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "Sentry-Trace",
    "Signature",
    "Signature-Input",
    "Traceparent",
    "Tracestate",
    "User-Agent",
    "X-Correlation-Id",
    "X-Csrf-Token",
    "X-Requested-With",
)
# Traefik sets these itself, replacing the client's.
_WRITTEN_BY_TRAEFIK = ("Content-Length", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto")
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


def dropping_pattern(names: Iterable[str]) -> str:
    """A regular expression that matches every header name except `names`.

    Traefik drops the headers that match, and its expressions have no negative lookahead.
    """
    return f"(?i)^{_other_than({name.lower() for name in names})}"


def _other_than(names: set[str]) -> str:
    """A pattern that matches the beginning of every text except `names`."""
    heads = sorted({name[0] for name in names if name})
    others = "".join(heads).replace("-", r"\-")
    alternatives = [f"[^{others}]"] if heads else ["."]
    if "" not in names:
        alternatives.append("$")
    for head in heads:
        rests = {name[1:] for name in names if name.startswith(head)}
        alternatives.append(head + _other_than(rests))
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"


def main(more: list[str]) -> None:
    """Print Traefik's line, with `more` names passed on."""
    if not all(map(_NAME.fullmatch, more)):
        sys.exit("The names of headers to pass on are letters, digits and `-`.")
    pattern = dropping_pattern((*PASSED, *_WRITTEN_BY_TRAEFIK, *more))
    print(f"        authResponseHeadersRegex: '{pattern}'")


if __name__ == "__main__":
    main(sys.argv[1:])
