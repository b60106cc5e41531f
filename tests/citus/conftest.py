"""Fixtures for the tests on a real Citus."""

from tests.models.conftest import planted

__all__ = ["planted"]
