"""Finds the number of cores that this process may use."""

import os
import sys
from pathlib import Path

MAX_WORKERS = 128
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> int:
    """Count the cores that this process may use: by its affinity, and by its cgroup's quota.

    A container with two cores on a machine of 64 has two. A part of a core does not count.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = _quota(cgroups, own_cgroup)
    return cores if quota is None else max(1, min(cores, int(quota)))


def _quota(cgroups: Path, own_cgroup: Path) -> float | None:
    """The cores of the quota (cgroup v2); None without one."""
    try:
        lines = own_cgroup.read_text().splitlines()
        path = next(line[3:] for line in lines if line.startswith("0::"))
        quota, period = (cgroups / path.lstrip("/") / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, StopIteration, ValueError, ZeroDivisionError):
        return None
