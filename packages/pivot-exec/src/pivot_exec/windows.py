"""A process as Windows has it: it and all that it starts are in a job, which ends with whoever started it."""

from __future__ import annotations

import _winapi
import ctypes
import msvcrt
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import PureWindowsPath

assert sys.platform == "win32"

_KILL_ON_CLOSE = 0x2000  # winnt.h: JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
_PROCESS_IDS, _LIMITS = 3, 9  # JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation
_MAY_ASK = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_EXIT_CODE = 1  # of what is ended
_MOST = 1000  # processes that are told of
_LAUNCHER = "__PYVENV_LAUNCHER__"  # tells Python which virtual environment it is of
_CONSOLE = "conhost.exe"  # what Windows itself adds to a job

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateJobObjectW.restype = ctypes.c_void_p


class Process:
    """A Python that runs `module`. It is given the socket `descriptor`, and no other handle of this process.

    It has no input, unless it is `attached` to the terminal, and does not hear of Ctrl-C. What it starts ends with
    `end`, and with the process that made this, however that ends. Raises OSError if it cannot be started.
    """

    def __init__(self, module: str, descriptor: int, *, attached: bool = False) -> None:
        from pivot_exec.process import command  # which is imported before it is whole, since it has this class

        reading, writing = os.pipe()
        handle = msvcrt.get_osfhandle(reading)
        arguments, environment = command(module, handle)
        base: str = sys._base_executable  # type: ignore[attr-defined]  # noqa: SLF001
        if base != sys.executable:
            # In a virtual environment python.exe starts another one, which is asked for here; as multiprocessing does.
            arguments[0], environment[_LAUNCHER] = base, sys.executable
        os.set_handle_inheritable(handle, True)
        try:
            self._popen = subprocess.Popen(
                arguments,
                env=environment,
                stdin=0 if attached else subprocess.DEVNULL,
                startupinfo=subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]}),
                creationflags=0 if attached else subprocess.CREATE_NEW_PROCESS_GROUP,
            )
        except OSError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        self.pid = self._popen.pid
        try:
            self._job: ctypes.c_void_p | None = _new_job(int(self._popen._handle))  # type: ignore[attr-defined]  # noqa: SLF001
            os.write(writing, _shared(descriptor, self.pid))
        except OSError:
            self._popen.kill()
            raise
        finally:
            os.close(writing)

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it has ended; returns how. Raises TimeoutError if that takes longer."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def left(self) -> int:
        """How many processes that it started are there still, once it has ended itself."""
        return 0 if self._job is None else sum(pid != self.pid for pid in _processes(self._job))

    def end(self) -> None:
        """End it at once, and all that it started, and wait for it."""
        if self._job is not None:
            _kernel.TerminateJobObject(self._job, _EXIT_CODE)
            _kernel.CloseHandle(self._job)
            self._job = None
        self.wait()


def take(pipe: int) -> int:
    """In such a process: the socket that it is given, told by the handle `pipe`."""
    os.environ.pop(_LAUNCHER, None)
    with os.fdopen(msvcrt.open_osfhandle(pipe, os.O_RDONLY), "rb") as file:
        return socket.fromshare(file.read()).detach()


def _shared(descriptor: int, pid: int) -> bytes:
    """What tells the process `pid`, and no other one, of a socket of this process."""
    end = socket.socket(fileno=descriptor)
    try:
        return end.share(pid)
    finally:
        end.detach()


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("times", ctypes.c_int64 * 2),
        ("flags", ctypes.c_uint32),
        ("working_set", ctypes.c_size_t * 2),
        ("processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("classes", ctypes.c_uint32 * 2),
        ("counters", ctypes.c_uint64 * 6),
        ("memory", ctypes.c_size_t * 4),
    )


class _ProcessIds(ctypes.Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST."""

    _fields_ = (("assigned", ctypes.c_uint32), ("listed", ctypes.c_uint32), ("pids", ctypes.c_size_t * _MOST))


def _new_job(handle: int) -> ctypes.c_void_p:
    """A job with the process of `handle`. All in it end when nobody has it open any more. Raises OSError."""
    job = ctypes.c_void_p(_kernel.CreateJobObjectW(None, None))
    limits = _ExtendedLimits(flags=_KILL_ON_CLOSE)
    if not (
        job.value
        and _kernel.SetInformationJobObject(job, _LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
        and _kernel.AssignProcessToJobObject(job, ctypes.c_void_p(handle))
    ):
        raise ctypes.WinError(ctypes.get_last_error())
    return job


def _processes(job: ctypes.c_void_p) -> Iterator[int]:
    told = _ProcessIds()
    _kernel.QueryInformationJobObject(job, _PROCESS_IDS, ctypes.byref(told), ctypes.sizeof(told), None)
    for pid in told.pids[: told.listed]:
        name = _program(pid)
        if name and name != _CONSOLE:
            yield pid


def _program(pid: int) -> str:
    """The file name of the program that a process runs; empty for one that has ended."""
    try:
        handle = _winapi.OpenProcess(_MAY_ASK, False, pid)
    except OSError:
        return ""
    try:
        if _winapi.GetExitCodeProcess(handle) != _winapi.STILL_ACTIVE:
            return ""
        name, size = ctypes.create_unicode_buffer(1 << 15), ctypes.c_uint32(1 << 15)
        _kernel.QueryFullProcessImageNameW(ctypes.c_void_p(handle), 0, name, ctypes.byref(size))
        return PureWindowsPath(name.value).name.lower()
    finally:
        _winapi.CloseHandle(handle)
