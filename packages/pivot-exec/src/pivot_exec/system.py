"""What only the operating system knows: threads, children, sessions, who dies with whom."""

from __future__ import annotations

import ctypes
import os
import signal
import stat as modes
import sys
import time
import warnings
from collections.abc import Collection

if sys.platform == "linux":
    if os.path.isdir("/proc/self/task"):  # noqa: PTH112 - asked by each process, and /proc is not there in each chroot
        from pivot_exec import proc as told
    else:
        from pivot_exec import untold as told  # type: ignore[no-redef]
elif sys.platform == "darwin":
    from pivot_exec import libproc as told
else:
    from pivot_exec import untold as told

if sys.platform == "win32":
    _KILL = signal.SIGTERM  # which nobody handles there
else:
    _KILL = signal.SIGKILL
NO_PROCESS = "The system allows no further process: a limit is reached (`ulimit -u`, or that of a container)."
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_SIGNALLED = 128  # and the number of the signal: the exit code that tells of a child which it has killed
_OF_ALL_KINDS = 0x40000000 if sys.platform == "linux" else 0  # __WALL: those that tell of their end in another way too
_TRACKER = b"resource_tracker"
_HELPERS = (_TRACKER, b"multiprocessing.forkserver", b"loky.backend")


def die_with_parent(parent: int, how: signal.Signals | None = None) -> None:
    """From now on this process gets `how` (default: SIGKILL) when its parent ends; it ends at once if that was before.

    Windows is told by the parent, see `windows`.
    """
    if sys.platform == "win32":
        return
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(how or signal.SIGKILL), 0, 0, 0)
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
    return told.threads()


def holds_files() -> bool:
    """Whether this process has files or pipes open, the standard streams apart; true where the system does not tell."""
    if not told.TELLS:
        return True
    return any(
        modes.S_ISREG(status.st_mode) or modes.S_ISCHR(status.st_mode) or modes.S_ISFIFO(status.st_mode)
        for status in _opened().values()
    )


def descriptors() -> dict[int, tuple[int, int]]:
    """The open file descriptors of this process, the standard ones apart, and what each is of: device and inode.
    None at all where the system does not tell.
    """
    return {descriptor: (status.st_dev, status.st_ino) for descriptor, status in _opened().items()}


def _opened() -> dict[int, os.stat_result]:
    found: dict[int, os.stat_result] = {}
    for name in told.open_files():
        if (descriptor := int(name)) > 2:
            try:
                found[descriptor] = os.fstat(descriptor)
            except OSError:
                continue  # the one that listed them
    return found


def resident() -> int:
    """The memory of this process, in bytes; 0 where the system does not tell."""
    return told.resident()


def trim_memory() -> None:
    """Give memory that is free back to the system, where the C library can: forks cost less the less there is."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def children() -> list[int]:
    """The direct children of this process, ended ones that nobody has waited for included, where the system tells."""
    return told.children()


def has_children() -> bool:
    """Whether `children` would find any: one call instead of some files to read."""
    if sys.platform == "win32":
        return bool(children())
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _OF_ALL_KINDS)
    except ChildProcessError:
        return False
    return True


def left_in(session: int) -> list[int]:
    """What a child of this process, whose session it was, has left in it."""
    return [pid for pid in told.among() if pid != session and session_of(pid) == session]


def session_of(pid: int) -> int:
    """The session of a process; 0 if it is gone, or if this system has none."""
    if sys.platform == "win32":
        return 0
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def is_helper(pid: int) -> bool:
    """Whether a process has ended, or is one that multiprocessing keeps for itself and that ends when it is no longer
    needed.
    """
    until = time.monotonic() + 1
    while not (line := told.command_line(pid)):
        # While a process becomes another program the system has no command line to tell.
        if told.has_ended(pid) or time.monotonic() > until:
            return True
        time.sleep(0.001)
    return any(name in line for name in _HELPERS)


def is_tracker(pid: int) -> bool:
    """Whether a process is one that frees what other processes share, once they are gone."""
    return _TRACKER in told.command_line(pid)


def kill_group(pid: int, how: signal.Signals | None = None) -> None:
    """Send `how` (default: SIGKILL) to a process group; one that is gone is fine. Windows has none, see `windows`."""
    if sys.platform == "win32":
        return
    try:
        os.killpg(pid, how or signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_process(pid: int) -> None:
    """Kill a child and wait for it."""
    try:
        os.kill(pid, _KILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def let_end(pid: int, seconds: float) -> None:
    """Wait for a process that ends by itself, up to `seconds`; then kill it. Windows has no such ones."""
    if sys.platform == "win32":
        return
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass  # it was waited for, or is nobody's child here
        if told.has_ended(pid):
            return
        time.sleep(0.002)
    end_process(pid)


def end_children(keep: Collection[int] = ()) -> None:
    """Kill the children of this process except `keep`, and the orphans that each leaves to it, until there are none."""
    while alive := [pid for pid in children() if pid not in keep]:
        for pid in alive:
            end_process(pid)


def end_session(keep: Collection[int] = ()) -> None:
    """Kill what is left of this process's children except `keep`, in its session; where that is no session of its own,
    only them."""
    end_children(keep)
    me = os.getpid()
    if session_of(me) == me:
        for pid in left_in(me):
            end_process(pid)


def can_look() -> bool:
    """Whether this system tells a process all that it has: threads, children, open files."""
    return told.TELLS


def ending(code: int) -> str:
    """How a process ended, in words, by its exit code, or by minus the signal that killed it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def handed_on(status: int) -> int:
    """The exit code by which a process tells its parent how a child of its own has ended, as shells do."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNALLED - code


def ending_handed_on(code: int) -> str:
    """As `ending`, of an exit code that may be `handed_on`."""
    return ending(_SIGNALLED - code if _SIGNALLED < code < _SIGNALLED + signal.NSIG else code)


def silent_end(code: int) -> str:
    """How the process of a stage ended that said nothing of it."""
    return ending(code) if code else "its process ended before the stage had returned"


def what_was_left(count: int) -> tuple[str, ...]:
    """What to tell of `count` processes that a stage had left, and that were ended."""
    if not count:
        return ()
    return (f"left {count} process{'es' if count > 1 else ''} running; ended {'them' if count > 1 else 'it'}",)


def fall_silent() -> None:
    """Point the standard streams at nothing."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def who() -> tuple[object, ...]:
    """As whom this process runs, and how: users and groups, root directory, way of scheduling. Who gave up rights, or a
    part of the file system, cannot take them back."""
    if sys.platform == "win32":
        return ()
    root = os.stat("/")  # noqa: PTH116 - after each stage
    users = os.getresuid() + os.getresgid() if sys.platform == "linux" else (os.geteuid(), os.getegid())
    policy = os.sched_getscheduler(0) if sys.platform == "linux" else 0
    return *users, tuple(os.getgroups()), policy, root.st_dev, root.st_ino


def fork() -> int:
    """os.fork without Python's warning about threads: that libraries which were only imported survive it was tried, and
    where a project has started threads Pivot does not fork. Raises OSError where that cannot be."""
    if sys.platform == "win32":
        raise OSError("processes cannot be forked here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
