"""What Linux tells of processes: in /proc. `libproc` tells the same of those of macOS."""

from __future__ import annotations

import os

TELLS = True
_PAGE = os.sysconf("SC_PAGE_SIZE")
_EXITING = 4  # a flag of a task: PF_EXITING


def threads() -> int:
    """The threads of this process at this moment; those of libraries too. One that has been joined counts no more, even
    if the system has not taken it off its list yet.
    """
    names = os.listdir("/proc/self/task")  # noqa: PTH208
    return len(names) if len(names) == 1 else sum(not _is_exiting(name) for name in names)


def open_files() -> list[str]:
    """The numbers of the open file descriptors of this process, that of this question included."""
    return os.listdir("/proc/self/fd")  # noqa: PTH208


def resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * _PAGE


def children() -> list[int]:
    """The direct children of this process, ended ones that nobody has waited for included."""
    found: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - names are all that is wanted
            with open(f"/proc/self/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:
        return _children_by_parent()
    return found


def among() -> list[int]:
    """The processes among which is what a child of this process has left: it has become one itself."""
    return children()


def command_line(pid: int) -> bytes:
    """Nothing if it is not told."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def has_ended(pid: int) -> bool:
    """Whether a process is gone, but for those who may wait for it."""
    state, _ = _state_and_parent(pid)
    return state in (b"", b"Z", b"X")


def _is_exiting(thread: str) -> bool:
    try:
        with open(f"/proc/self/task/{thread}/stat", "rb") as file:  # noqa: PTH123
            return bool(int(file.read().rsplit(b")", 1)[1].split()[6]) & _EXITING)
    except OSError:
        return True


def _children_by_parent() -> list[int]:
    me = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return [pid for pid in pids if _state_and_parent(pid)[1] == me]


def _state_and_parent(pid: int) -> tuple[bytes, int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            state, parent = file.read().rsplit(b")", 1)[1].split()[:2]
    except OSError:
        return b"", 0
    return state, int(parent)
