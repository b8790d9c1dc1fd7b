"""What macOS tells of processes: by libproc, a part of its C library. `proc` tells the same of those of Linux."""

from __future__ import annotations

import ctypes
import os
import struct
import threading

TELLS = True
_TASK_INFO = 4  # sys/proc_info.h: PROC_PIDTASKINFO
_OF_USER, _OF_PARENT = 4, 6  # PROC_UID_ONLY, PROC_PPID_ONLY
_ARGUMENTS = (1, 49)  # sys/sysctl.h: CTL_KERN, KERN_PROCARGS2
_MOST = 1 << 20  # bytes of arguments and variables
_TASK = struct.Struct("=6Q12i")  # struct proc_taskinfo
_RESIDENT, _THREADS = 1, 15  # which of its fields
_LIBC = ctypes.CDLL(None)


def threads() -> int:
    """The threads of this process at this moment; those of libraries too."""
    task = _task(os.getpid())
    return task[_THREADS] if task else threading.active_count()


def open_files() -> list[str]:
    """The numbers of the open file descriptors of this process, that of this question included."""
    return os.listdir("/dev/fd")  # noqa: PTH208


def resident() -> int:
    """The memory of this process, in bytes; 0 where it is not told."""
    task = _task(os.getpid())
    return task[_RESIDENT] if task else 0


def children() -> list[int]:
    """The direct children of this process, one that ended and that nobody has waited for included."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    found = dict.fromkeys(_pids(_OF_PARENT, os.getpid()))
    return list(found if ended is None else {ended.si_pid: None, **found})


def among() -> list[int]:
    """The processes among which is what a child of this process has left: no process adopts on macOS but the first."""
    return _pids(_OF_USER, os.geteuid())


def command_line(pid: int) -> bytes:
    """With the variables; nothing if it is not told."""
    name = (ctypes.c_int * 3)(*_ARGUMENTS, pid)
    size, buffer = ctypes.c_size_t(_MOST), ctypes.create_string_buffer(_MOST)
    if _LIBC.sysctl(name, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return b""
    return buffer.raw[: size.value]


def has_ended(pid: int) -> bool:
    """Whether a process of this user is gone, but for those who may wait for it: of such ones nothing is told."""
    return not _task(pid)


def _task(pid: int) -> tuple[int, ...]:
    buffer = ctypes.create_string_buffer(_TASK.size)
    size = _LIBC.proc_pidinfo(pid, _TASK_INFO, ctypes.c_uint64(0), buffer, _TASK.size)
    return _TASK.unpack(buffer.raw) if size == _TASK.size else ()


def _pids(which: int, of: int) -> list[int]:
    room = _LIBC.proc_listpids(which, of, None, 0)  # bytes; there is some to spare
    buffer = (ctypes.c_int * (max(room, 0) // 4))()
    size = _LIBC.proc_listpids(which, of, buffer, ctypes.sizeof(buffer))
    return [pid for pid in buffer[: max(size, 0) // 4] if pid]
