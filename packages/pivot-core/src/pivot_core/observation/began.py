"""When the interpreter began to import what this process has imported, forks included."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pivot_core.storage.stamps import SECOND

_TICK = SECOND // 10  # nanoseconds; what the two clocks may differ by
_LONG = 60 * SECOND  # taken where the operating system does not tell


def began() -> int:
    """Nanoseconds since the epoch, rather too early: processes that were forked, not started, have the command line of
    their parent."""
    try:
        pid = os.getpid()
        line = _read(pid, "cmdline")
        while (parent := int(_fields(pid)[1])) and _read(parent, "cmdline") == line:
            pid = parent
        ticks = int(_fields(pid)[19])
        boot = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    except (OSError, ValueError, IndexError, AttributeError):
        return time.time_ns() - _LONG
    return boot + ticks * SECOND // os.sysconf("SC_CLK_TCK") - _TICK


def _fields(pid: int) -> list[bytes]:
    """What /proc tells of a process after its name: its state, its parent, …, as the 20th when it was started."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _read(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()
