"""The priority of worker threads."""

import os
import sys
import threading
from contextlib import suppress

# As `nice` counts: a quarter of a core that both could fill.
_NICER_BY = 5
_MAX_NICENESS = 19


def give_way() -> None:
    """Lower the calling thread's priority below the main thread's, where checks are answered.

    Does nothing where the system has no priorities of threads. It cannot be taken back.
    """
    if sys.platform == "linux":
        # To Linux, each thread is a process of its own.
        with suppress(OSError):
            main_thread = os.getpriority(os.PRIO_PROCESS, os.getpid())
            niceness = min(main_thread + _NICER_BY, _MAX_NICENESS)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
