"""How often a test repeats a race, a kill or a history: few times in CI, many under `make soak`."""

import os

IS_SOAK = os.environ.get("TESSERA_TEST_SOAK") == "1"


def repeats(*, ci: int, soak: int) -> int:
    """`soak` under `make soak`, else `ci`: enough to notice a planted fault."""
    return soak if IS_SOAK else ci
