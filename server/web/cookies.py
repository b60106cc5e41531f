"""Reads one cookie of a request by its name."""

from starlette.datastructures import Headers

MAX_COOKIE_LENGTH = 4096  # the size that browsers keep (RFC 6265, section 6.1)


def read_cookie(headers: Headers, name: str) -> str | None:
    """The value of the cookie `name`, as sent; None if it is missing or too long.

    Returns None too if the name occurs twice: only one of the two can be this host's, and the
    request does not show which. Other cookies are not parsed, and no value is unquoted: CPython's
    `http.cookies`, which `request.cookies` calls, takes quadratic time for that.
    """
    start = f"{name}="
    found = [
        pair[len(start) :]
        for line in headers.getlist("cookie")
        for pair in (part.strip(" \t") for part in line.split(";"))
        if pair.startswith(start)
    ]
    return found[0] if len(found) == 1 and len(found[0]) <= MAX_COOKIE_LENGTH else None
