"""One run at a time: the lock on a project."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pivot_core.errors import BusyError, ProjectError

_held: set[int] = set()  # descriptors of locks
GRACE = 0.3  # seconds: processes that a killed owner had forked let go of the lock a few milliseconds after it


class RunLock:
    """A lock on `path`, held by at most one process; the kernel releases it when that process ends, however it does.

    The file stays. Who holds it stands in a file beside it, which serves the message and nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._release: Callable[[], object] | None = None

    def acquire(self, *, wait: bool = False) -> None:
        """Take the lock, waiting for it if `wait`. Raises BusyError, which names the process that has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(self._path)
        if descriptor is not None:
            self._release = partial(_unlock, descriptor)
        else:
            self._wait(wait=wait)
        self._introduce()

    def _wait(self, *, wait: bool) -> None:
        import filelock

        lock = filelock.FileLock(self._path, thread_local=False)
        try:
            lock.acquire(timeout=-1 if wait else GRACE, poll_interval=0.05)
        except filelock.Timeout:
            raise BusyError(
                f"another process runs this pipeline{self._owner()}",
                "Wait for it to end, or give --wait to start after it.",
            ) from None
        except OSError as error:
            raise ProjectError(
                f"{self._path}: cannot be locked: {error.strerror}",
                "A run writes there; `pivot status` and `pivot explain` write nothing, and work all the same.",
            ) from None
        self._release = lock.release

    def release(self) -> None:
        """Let others run. Calling it twice is harmless."""
        if self._release is not None:
            self._release()
            self._release = None

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def _side_file(self) -> Path:
        return self._path.with_name(f"{self._path.name}.owner")

    def _introduce(self) -> None:
        owner = {
            "pid": os.getpid(),
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "started": time.time(),
        }
        try:
            self._side_file.write_text(json.dumps(owner), encoding="ascii")
        except OSError:
            pass  # the message will be shorter

    def _owner(self) -> str:
        try:
            owner = json.loads(self._side_file.read_bytes())
            started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner["started"]))
            return f": {str(owner['command'])[:200]!r}, pid {int(owner['pid'])}, started {started}"
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return ""


def _locked(path: Path) -> int | None:
    """A descriptor of the file, locked as filelock does it, which takes long to import.

    None where that is not to be had at once: filelock then waits, or says why.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH116 - else somebody has replaced it
            _held.add(descriptor)
            return descriptor
    except OSError:
        pass
    if descriptor >= 0:
        os.close(descriptor)
    return None


def _unlock(descriptor: int) -> None:
    if descriptor in _held:
        _held.remove(descriptor)
        os.close(descriptor)


def _let_go() -> None:
    """In a fork: it does not hold what its parent holds, also if it lives on when the parent is gone."""
    for descriptor in tuple(_held):
        _unlock(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
