"""The statements that Tortoise sends to the database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Statement = tuple[str, list[Any]]


class _Catcher(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.statements: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) == 2:
            values: Any
            sql, values = record.args
            many = isinstance(values, list) and values and isinstance(values[0], list)
            self.statements.append((str(sql), list((values[0] if many else values) or [])))


@contextmanager
def caught() -> Iterator[list[Statement]]:
    """Every statement that Tortoise sends within the block."""
    log, catcher = logging.getLogger("tortoise.db_client"), _Catcher()
    level, propagates = log.level, log.propagate
    log.addHandler(catcher)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield catcher.statements
    finally:
        log.removeHandler(catcher)
        log.setLevel(level)
        log.propagate = propagates
