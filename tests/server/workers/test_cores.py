"""How many workers there are by default: as many as cores that the process may use."""

import os
from pathlib import Path

import pytest

from server.workers import usable_cores


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 4), ("200000 100000", 2), ("350000 100000", 3), ("50000 100000", 1),
     ("6400000 100000", 4), ("nonsense", 4)],
)  # fmt: skip
def test_quota_of_the_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    (tmp_path / "tessera.slice").mkdir()
    (tmp_path / "tessera.slice" / "cpu.max").write_text(f"{quota}\n")
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/\n0::/tessera.slice\n")
    assert usable_cores(tmp_path, own) == cores
    # Without a cgroup of version 2, or outside of any.
    own.write_text("4:cpu:/elsewhere\n")
    assert usable_cores(tmp_path, own) == 4
    assert usable_cores(tmp_path, tmp_path / "missing") == 4
