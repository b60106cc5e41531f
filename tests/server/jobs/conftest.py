"""Fixtures for the tests of jobs."""

from dataclasses import replace

import pytest

from server.settings import Settings
from tests.conftest import settings_for
from tests.support.webhooks import NETWORKS


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Webhooks may be at this machine, where the tests' receivers are."""
    return replace(settings_for(database_url), webhook_networks=NETWORKS)
