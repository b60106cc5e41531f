"""Bodies are read within limits, and as JSON only where a content type says exactly that."""

from time import process_time

import pytest
from starlette.requests import Request
from starlette.types import Message

from server.web.body import MAX_BODY_BYTES, MAX_SIGNED_IN_BODY_BYTES, BadRequest
from server.web.json import read_json, require_json


def request(body: bytes = b"{}", **headers: str) -> Request:
    """A POST whose body comes in pieces of 1,000 bytes."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    pieces = [body[start : start + 1_000] for start in range(0, len(body), 1_000)] or [b""]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


@pytest.mark.parametrize(
    "value",
    [
        "application/json", "Application/JSON", "application/json;", "application/json ; ",
        "application/json; charset=utf-8", "application/json;charset=UTF-8;",
        'application/json; charset="UTF-8"', 'application/json; Charset="utf-8" ; ',
        "application/json;;charset=Utf-8;;", "application/json;\tcharset=utf-8",
    ],
)  # fmt: skip
def test_content_type_of_utf_8_json_is_accepted_in_every_form(value: str) -> None:
    require_json(request(content_type=value))


@pytest.mark.parametrize(
    "value",
    [
        "", "text/plain", "application/jsonp", "application/json-patch+json", "text/json",
        "application/json; charset=latin-1", 'application/json; charset="utf-8',
        "application/json, text/plain", "text/plain; application/json", "application/json x/y",
        "application/json; boundary=x", "application/json; charset=utf-8 x",
        "application/json; utf-8", "multipart/form-data; a=application/json",
        "application/json\x0b;",
    ],
)  # fmt: skip
def test_similar_content_types_are_refused(value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        require_json(request(content_type=value))
    assert refused.value.status == 415


@pytest.mark.parametrize("unit", [" ", "\t", ";", "; ", ";charset=utf-8", "; charset = utf-8 "])
def test_reading_a_content_type_takes_linear_time(unit: str) -> None:
    def seconds(value: str) -> float:
        """The least of several measurements, since other processes share the machine."""
        found = []
        for _ in range(5):
            started = process_time()
            for _ in range(20):
                with pytest.raises(BadRequest):
                    require_json(request(content_type=value))
            found.append(process_time() - started)
        return min(found)

    size = 4_000
    small = f"application/json{unit * (size // len(unit))}!"
    large = f"application/json{unit * (8 * size // len(unit))}!"
    assert seconds(large) < 40 * seconds(small)


@pytest.mark.parametrize("limit", [MAX_BODY_BYTES, MAX_SIGNED_IN_BODY_BYTES])
async def test_body_is_limited(limit: int) -> None:
    largest = b'"' + b"a" * (limit - 2) + b'"'
    assert len(await read_json(request(largest, content_type="application/json"), limit)) > 1
    with pytest.raises(BadRequest) as refused:
        await read_json(request(largest + b" ", content_type="application/json"), limit)
    assert (refused.value.status, refused.value.code) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "length", [str(MAX_BODY_BYTES + 1), "9" * 19, "9" * 5_000, "0" * 5 + "99999999"]
)
async def test_body_with_a_too_large_content_length_is_not_read(length: str) -> None:
    async def receive() -> Message:
        raise AssertionError("read")

    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    announced = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(BadRequest) as refused:
        await read_json(announced)
    assert refused.value.status == 413
