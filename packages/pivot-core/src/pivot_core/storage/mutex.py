"""One run at a time: the lock on a project."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pivot_core.errors import BusyError, ProjectError

if TYPE_CHECKING:
    from filelock import BaseFileLock


GRACE = 0.3  # seconds: processes that a killed owner had forked let go of the lock a few milliseconds after it


class RunLock:
    """A lock on `path`, held by at most one process; the kernel releases it when that process ends, however it does.

    The file stays. Who holds it stands in a file beside it, which serves the message and nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: BaseFileLock | None = None

    def acquire(self, *, wait: bool = False) -> None:
        """Take the lock, waiting for it if `wait`. Raises BusyError, which names the process that has it."""
        import filelock

        self._path.parent.mkdir(parents=True, exist_ok=True)
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
        self._lock = lock
        self._introduce()

    def release(self) -> None:
        """Let others run. Calling it twice is harmless."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

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
