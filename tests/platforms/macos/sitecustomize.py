"""A Python that looks like that of macOS, as far as Linux can: what macOS does not have is gone, /proc cannot be read.

Python imports this module first in each process that has its directory in PYTHONPATH, so that all of Pivot's processes
are like that.
"""

import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import sysconfig
from typing import Any

_GONE = {
    os: (
        *("copy_file_range", "eventfd", "memfd_create", "pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate"),
        *("sched_getaffinity", "sched_setaffinity", "setns", "splice", "unshare", "getresuid", "O_TMPFILE", "O_PATH"),
        *("P_PIDFD", "CLONE_NEWNS", "EFD_CLOEXEC", "MFD_CLOEXEC", "getxattr", "setxattr", "fdatasync"),
    ),
    select: ("epoll",),
    signal: ("pidfd_send_signal", "sigwaitinfo", "sigtimedwait"),
    socket: ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "MSG_CMSG_CLOEXEC", "MSG_NOSIGNAL", "SO_PEERCRED", "AF_NETLINK"),
}
_LIBC_GONE = ("prctl", "inotify_init1", "inotify_add_watch")
_TASK_INFO, _OF_USER, _OF_PARENT = 4, 4, 6

for _module, _names in _GONE.items():
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
os.process_cpu_count = os.cpu_count
_sysconf = os.sysconf
os.sysconf = lambda name: sys.maxsize if name == "SC_OPEN_MAX" else _sysconf(name)  # as after `ulimit -n unlimited`
sysconfig.get_config_vars()  # what this Python was built with has the name of its own platform
sys.platform = "darwin"


def _no_proc(event: str, arguments: tuple[Any, ...]) -> None:
    """Pivot finds no /proc; tests, and the stages in them, look there for what is left."""
    if event in ("open", "os.listdir", "os.scandir"):
        path = arguments[0]
        if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith("/proc") and _asked_by_pivot():
            raise FileNotFoundError(2, "there is no /proc on macOS", path)


def _asked_by_pivot() -> bool:
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals["__name__"].partition(".")[0] in sys.stdlib_module_names:
        frame = frame.f_back
    return frame is not None and frame.f_globals["__name__"].startswith("pivot_")


sys.addaudithook(_no_proc)


def _fields(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _proc_pidinfo(pid: int, flavor: int, _argument: int, buffer: Any, size: int) -> int:
    assert flavor == _TASK_INFO
    if _fields(f"/proc/{pid}/stat")[:1] in ([], [b"Z"]):
        return 0
    pages, threads = _fields(f"/proc/{pid}/statm"), len(os.listdir(f"/proc/{pid}/task"))
    info = struct.pack("6Q12i", 0, int(pages[1]) * 4096, *[0] * 4, *[0] * 9, threads, 0, 0)
    buffer[:] = info
    return min(size, len(info))


def _proc_listpids(kind: int, of: int, buffer: Any, _size: int) -> int:
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    if buffer is None:
        return 4 * (len(pids) + 20)
    if kind == _OF_PARENT:
        pids = [pid for pid in pids if (fields := _fields(f"/proc/{pid}/stat")) and int(fields[1]) == of]
    buffer[: len(pids)] = pids
    return 4 * len(pids)


def _sysctl(name: Any, _length: int, buffer: Any, size: Any, _new: None, _new_size: Any) -> int:
    try:
        with open(f"/proc/{name[2]}/cmdline", "rb") as file:
            line = file.read()
    except OSError:
        return -1
    ctypes.memmove(buffer, line, len(line))
    size._obj.value = len(line)
    return 0


_LIBPROC = {"proc_pidinfo": _proc_pidinfo, "proc_listpids": _proc_listpids, "sysctl": _sysctl}


class _LibSystem(ctypes.CDLL):
    """The C library, without what only Linux has, and with what libproc has."""

    def __getattr__(self, name: str) -> Any:
        if name in _LIBC_GONE:
            raise AttributeError(name)
        return _LIBPROC[name] if name in _LIBPROC else super().__getattr__(name)


ctypes.CDLL = _LibSystem  # type: ignore[misc]

_fcntl = fcntl.fcntl


def _fcntl_with_paths(descriptor: Any, command: int, argument: Any = 0) -> Any:
    if command != fcntl.F_GETPATH:
        return _fcntl(descriptor, command, argument)
    return os.readlink(f"/proc/self/fd/{descriptor}").encode().ljust(len(argument), b"\0")


fcntl.F_GETPATH = 50
fcntl.fcntl = _fcntl_with_paths
