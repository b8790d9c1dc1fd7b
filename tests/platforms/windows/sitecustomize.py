"""A Python that looks like that of Windows, as far as Linux can: what Windows does not have is gone.

Python imports this module first in each process that has its directory in PYTHONPATH, so that all of Pivot's processes
are like that. Paths, files and the console stay those of Linux. In the place of `pivot_exec.windows` there is what does
the same by other means: a job is what has its number in the environment, and a process of its own ends it.
"""

import ctypes
import importlib.machinery
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from types import ModuleType
from typing import Any

import click.testing  # noqa: F401 - while it finds what it writes with here
import filelock  # noqa: F401 - while it finds what it locks by here

_GONE: dict[Any, tuple[str, ...]] = {
    os: (
        *(
            "fork",
            "forkpty",
            "posix_spawn",
            "posix_spawnp",
            "register_at_fork",
            "setsid",
            "getsid",
            "killpg",
            "getpgid",
        ),
        *("waitid", "wait", "wait3", "wait4", "sysconf", "pathconf", "pipe2", "mkfifo", "memfd_create"),
        *(
            "getuid",
            "geteuid",
            "getgid",
            "getegid",
            "getpriority",
            "setpriority",
            "environb",
            "chown",
            "lchown",
            "uname",
        ),
        *("sched_getaffinity", "sched_setaffinity", "pread", "pwrite", "sendfile", "statvfs"),
        *("O_DIRECTORY", "posix_fadvise", "copy_file_range", "fchmod", "fchdir", "getloadavg"),
    ),
    signal: (
        *("SIGKILL", "SIGSTOP", "SIGCHLD", "SIGHUP", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGQUIT", "SIGXFSZ"),
        *("pthread_sigmask", "pthread_kill", "sigwait", "setitimer", "getitimer", "alarm", "siginterrupt"),
        *("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF", "SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"),
    ),
    select: ("poll", "epoll"),
    socket: ("AF_UNIX", "send_fds", "recv_fds", "MSG_DONTWAIT", "SO_PEERCRED"),
    time: ("tzset", "clock_gettime", "clock_gettime_ns", "CLOCK_BOOTTIME"),
}
_JOBS, _SIGKILL = "EMULATED_JOBS", 9
os.process_cpu_count = os.cpu_count
subprocess._USE_POSIX_SPAWN = False  # type: ignore[attr-defined]
socket.socketpair = socket._fallback_socketpair  # type: ignore[attr-defined]
_fork, _setsid = os.fork, os.setsid
selectors.DefaultSelector = selectors.SelectSelector  # type: ignore[misc,assignment]


class Process:
    """As `pivot_exec.windows` has it."""

    def __init__(self, module: str, descriptor: int, *, attached: bool = False) -> None:
        from pivot_exec.process import command

        arguments, environment = command(module, descriptor)
        self._job = f"<{os.getpid()}-{os.urandom(6).hex()}>"
        environment[_JOBS] = environment.get(_JOBS, "") + self._job
        self._popen = subprocess.Popen(
            arguments,
            env=environment,
            stdin=None if attached else subprocess.DEVNULL,
            pass_fds=[descriptor],
            start_new_session=not attached,
        )
        self.pid = self._popen.pid
        self._open = _end_with_me(self._job)

    def wait(self, seconds: float | None = None) -> int:
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def left(self) -> int:
        return len(_members(self._job) - {self.pid})

    def end(self) -> None:
        if self._open >= 0:
            _end_all(self._job)
            os.close(self._open)
            self._open = -1
        self.wait()


def _end_with_me(job: str) -> int:
    """Fork what ends a job as soon as the descriptor that is returned is closed, and this process has it alone."""
    reading, writing = os.pipe()
    if _fork() == 0:
        _setsid()
        os.environ.clear()
        os.closerange(0, reading)
        os.closerange(reading + 1, 1 << 12)
        os.read(reading, 1)
        _end_all(job)
        os._exit(0)
    os.close(reading)
    return writing


def _end_all(job: str) -> None:
    while members := _members(job):
        for pid in members:
            try:
                os.kill(pid, _SIGKILL)
            except ProcessLookupError:
                continue


def _members(job: str) -> set[int]:
    found = set()
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # of one that has ended it is empty
                if job.encode() in file.read():
                    found.add(int(name))
        except OSError:
            continue
    return found


def take(descriptor: int) -> int:
    os.set_inheritable(descriptor, False)
    return descriptor


_windows = ModuleType("pivot_exec.windows")
_windows.__spec__ = importlib.machinery.ModuleSpec("pivot_exec.windows", None)
for _thing in (Process, take):
    setattr(_windows, _thing.__name__, _thing)
sys.modules["pivot_exec.windows"] = _windows
for _module, _names in _GONE.items():
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
for _name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules[_name] = None  # type: ignore[assignment]
signal.SIGBREAK = signal.SIGTERM  # type: ignore[attr-defined]
ctypes.CDLL = None  # type: ignore[misc,assignment]
sysconfig.get_config_vars()  # what this Python was built with has the name of its own platform
sys.platform = "win32"
