"""The log: lines of JSON, and tracebacks that name places but quote nothing.

Drivers and libraries put values into their messages: parameters, literals, whole documents. So a
traceback is written as types and places only.
"""

import logging
import traceback
from datetime import UTC, datetime

import orjson

_FIELDS = ("request_id", "method", "route", "status", "milliseconds", "code", "detail")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1]:
            line["error"] = places(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def places(error: BaseException) -> list[str]:
    """The chain of an error: each one's type, then the places it passed, the innermost last."""
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None and len(lines) < 200:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or link.__context__
    return lines


def set_up_logging(level: str) -> None:
    """Send every logger's lines to standard error, as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("tortoise", "asyncio", "aiosqlite", "uvicorn.access", "graphql"):
        # At DEBUG these write statements with their parameters.
        logging.getLogger(chatty).setLevel(logging.WARNING)
