"""The log's lines: JSON that tells where an error passed, and quotes nothing of it."""

import json
import logging
import sys

from server.logs import JsonLines


def _raise_with(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as cause:
        raise ValueError(f"could not use {secret}") from cause


def test_an_error_is_its_types_and_places() -> None:
    try:
        _raise_with("canary-secret")
    except ValueError:
        record = logging.LogRecord(
            "tessera", logging.ERROR, __file__, 1, "unexpected error", None, sys.exc_info()
        )
    line = JsonLines().format(record)
    assert "canary-secret" not in line
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "unexpected error"
    assert told["error"][0] == "builtins.ValueError"
    assert "builtins.KeyError" in told["error"]
    assert any("_raise_with" in place for place in told["error"])


def test_line_breaks_cannot_forge_a_line() -> None:
    record = logging.LogRecord("tessera", logging.INFO, __file__, 1, 'a\n{"b": 1}', None, None)
    line = JsonLines().format(record)
    assert line.count("\n") == 0
    assert json.loads(line)["message"] == 'a\n{"b": 1}'
