"""The files that Pivot keeps for a project, opened together: the store, lock files, stamps and state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self

from pivot_core.model import Digest, FileState
from pivot_core.project import Project
from pivot_core.storage.gitignore import ensure_own_rules
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import IGNORE_FILE, Ignore
from pivot_core.storage.lockfile import LockFiles
from pivot_core.storage.looks import Looks
from pivot_core.storage.mutex import RunLock
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.state import StateDB, StoredRuns
from pivot_core.storage.store import ObjectStore


class Session:
    """What is kept in `.pivot`, for one process; use it as a context manager, in the main thread.

    Only one session of a project is open at a time, others wait for it if `wait`, else raise BusyError; a `readonly`
    one writes nothing, needs no permission to, and disturbs nobody.
    """

    def __init__(self, project: Project, *, readonly: bool = False, wait: bool = False) -> None:
        self.readonly = readonly
        self.looks: Looks | None = None
        self._root = project.root
        directory = project.directory
        self._mutex = None if readonly else RunLock(directory / "run.lock")
        if self._mutex is not None:
            ensure_own_rules(directory)
            self._mutex.acquire(wait=wait)
        try:
            self.state = StateDB(directory / "state.db", readonly=readonly)
            self.stamps = Stamps(self.state.stamps())
            self.ignore = Ignore.load(project.root)
            self._clock = _StoppedClock(directory) if readonly else FileClock(directory / "clock")
            self.hasher = Hasher(project.root, self.stamps, self.ignore, self._clock)
            self.store = ObjectStore(directory / "cache", self.hasher, project.settings.link)
            self.locks = LockFiles(directory / "stages")
            self.runs = StoredRuns(self.state, self.store)
            if not readonly:
                self.store.clean()
                self.locks.clean()
        except BaseException:
            if self._mutex is not None:
                self._mutex.release()
            raise

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        """Which objects are not in the store."""
        return self.store.missing(digests)

    def find(self, key: str) -> Mapping[str, FileState] | None:
        """The outs of an earlier run with this key, if all can be had."""
        return self.runs.find(key)

    def take_notes(self) -> Looks:
        """From now on take notes of every path that is looked at; what was noted before is forgotten."""
        self.looks = self.hasher.looks = self.locks.looks = Looks(self._clock)
        self.looks.at(str(self._root / IGNORE_FILE))
        before, self.ignore = self.ignore, Ignore.load(self._root)
        if self.ignore != before:
            self.hasher.forget_remembered()
        self.hasher.ignore = self.ignore
        return self.looks

    def look(self, path: str) -> None:
        """Somebody looks at `path`, which is absolute: note it, if notes are taken."""
        if self.looks is not None:
            self.looks.at(path)

    def now(self) -> int:
        """The time as the file system tells it, in nanoseconds; 0 where it does not."""
        return self._clock.now()

    def wait_past(self, moment: int) -> bool:
        """Wait until what changes from now on has a later stamp than `moment`; whether that can be said here."""
        return self._clock.wait_past(moment) > moment

    def settle(self) -> None:
        """Look again at what was read too soon after it was written, and save what was learnt."""
        if not self.readonly:
            self.hasher.settle()
            self.state.save_stamps(self.stamps.take_unsaved(), self.hasher.forgotten())

    def close(self) -> None:
        """Save what was learnt, and let others in. Calling it twice is harmless."""
        if not self.readonly:
            self.state.save_stamps(self.stamps.take_unsaved())
        self.state.close()
        if self._mutex is not None:
            self._mutex.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _StoppedClock(FileClock):
    """Tells no time, so touches no file; no stamp that is taken by it is trusted."""

    def now(self) -> int:
        return 0
