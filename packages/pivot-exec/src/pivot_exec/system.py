"""What only the operating system knows: threads, children, sessions, who dies with whom."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Collection

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LINUX = sys.platform == "linux"
_LIBC = ctypes.CDLL(None, use_errno=True) if _LINUX else None
_HELPERS = (b"resource_tracker", b"multiprocessing.forkserver", b"loky.backend")


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """From now on this process gets `how` when its parent ends; it ends at once if that was before."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def thread_count(expected: int = 1) -> int:
    """The threads of this process, those of libraries too. Those that are about to end are waited for, briefly."""
    end = time.monotonic() + 0.1
    while (count := threads()) > expected and time.monotonic() < end:
        time.sleep(0.005)
    return count


def threads() -> int:
    """The threads of this process at this moment; those of libraries too, where the system tells."""
    if not _LINUX:
        return threading.active_count()
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def descriptors() -> dict[int, tuple[int, int]]:
    """The open file descriptors of this process, the standard ones apart, and what each is of: device and inode."""
    found = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if (descriptor := int(name)) > 2:
            try:
                status = os.fstat(descriptor)
            except OSError:
                continue  # the one that listed them
            found[descriptor] = (status.st_dev, status.st_ino)
    return found


def resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * _PAGE


def children() -> list[int]:
    """The direct children of this process, ended ones that nobody has waited for included."""
    if not _LINUX:
        return []
    found: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - names are all that is wanted
            with open(f"/proc/self/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:
        return _children_by_parent()
    return found


def session_of(pid: int) -> int:
    """The session of a process; 0 if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def is_helper(pid: int) -> bool:
    """Whether a process is one that multiprocessing keeps for itself and that ends when it is no longer needed."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            line = file.read()
    except OSError:
        return True
    return not line or any(name in line for name in _HELPERS)


def kill_group(pid: int, how: signal.Signals) -> None:
    """Signal a process group; one that is gone is fine."""
    try:
        os.killpg(pid, how)
    except (ProcessLookupError, PermissionError):
        pass


def end_process(pid: int) -> None:
    """Kill a child and wait for it."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def end_children(keep: Collection[int] = ()) -> None:
    """Kill the children of this process except `keep`, and the orphans that each leaves to it, until there are none."""
    while alive := [pid for pid in children() if pid not in keep]:
        for pid in alive:
            end_process(pid)


def can_look() -> bool:
    """Whether this system tells a process all that it has: threads, children, open files."""
    return _LINUX


def _children_by_parent() -> list[int]:
    found, me = [], os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parent = int(file.read().rsplit(b")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == me:
                found.append(int(name))
    return found


def ending(code: int) -> str:
    """How a process ended, in words, by its exit code, or by minus the signal that killed it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def fall_silent() -> None:
    """Point the standard streams at nothing."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def fork() -> int:
    """os.fork without Python's warning about threads: that libraries which were only imported survive it was tried, and
    where a project has started threads Pivot does not fork."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
