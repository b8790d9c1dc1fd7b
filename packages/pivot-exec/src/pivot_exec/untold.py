"""What is known of processes where the system tells nothing, or is not asked: see `proc` and `libproc`."""

from __future__ import annotations

import threading

TELLS = False


def threads() -> int:
    """The threads of this process that Python knows."""
    return threading.active_count()


def open_files() -> list[str]:
    return []


def resident() -> int:
    return 0


def children() -> list[int]:
    return []


def among() -> list[int]:
    return []


def command_line(_pid: int) -> bytes:
    return b""


def has_ended(_pid: int) -> bool:
    return True
