"""What was seen while loading, noted once for each path and way of looking at it."""

from __future__ import annotations

import os
import stat as modes
import time
from collections import Counter
from collections.abc import Iterable

import attrs

from pivot_core.observation import looks
from pivot_core.observation.model import Searched
from pivot_core.observation.places import Places
from pivot_core.storage.stamps import SECOND, Stamp, changed_at, granularity

_FRESH = 3 * SECOND  # nanoseconds; a file changed this recently may change again and keep its times
_SMALL = 1 << 18  # bytes, that are hashed in less time than it takes to open the file
_MANY = 5_000  # entries of a directory, that all are looked at
_stat, _exists, _realpath = os.stat, os.path.lexists, os.path.realpath


@attrs.frozen
class _Read:
    """A file as it was when it was opened: no stamp if there was none, and the digest if that is cheap or needed."""

    stamp: Stamp | None
    digest: str | None

    def differs(self, later: _Read) -> bool:
        if self.digest is not None and later.digest is not None:
            return self.digest != later.digest
        return self.stamp != later.stamp


class Recorder:
    """Takes notes, in any thread. Paths are absolute."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.problem = ""
        self._listings: Counter[str] = Counter()
        self._read: dict[str, _Read] = {}
        self._looked: dict[str, dict[str, str]] = {}
        self._listed: dict[str, str] = {}
        self._names: dict[str, set[str]] = {}
        self._entries: dict[str, list[str] | None] = {}
        self._made: set[str] = set()
        self._written: set[str] = set()

    def count_listing(self, path: str) -> None:
        """The directory `path` is about to be opened by Python code: so the rest can be told."""
        self._listings[_realpath(path)] += 1

    def counted(self, directory: str) -> int:
        """How often a directory was opened by Python code."""
        return self._listings[_realpath(directory)]

    def fail(self, why: str) -> None:
        """Note why this load cannot stand for another one; the first reason stays."""
        self.problem = self.problem or why

    def file(self, path: str) -> None:
        """The file at `path` is about to be read."""
        if self.is_made(path):
            return
        now = _now_of(path)
        known = self._read.get(path)
        if known is None:
            self._read[path] = now
        elif known.differs(now):
            self.fail(f"{path} changed while the pipeline was loaded")

    def changed_since(self, path: str, moment: int) -> bool:
        """Whether a file that was read changed after `moment` (nanoseconds), or shortly before."""
        try:
            found = _stat(path)
        except OSError:
            return True
        return changed_at(found) + granularity(found) >= moment

    def look(self, path: str, how: str) -> None:
        """`path` is about to be looked at."""
        known = self._looked.get(path)
        if known is None:
            known = self._looked[path] = {}
        if how not in known and not self.is_made(path):
            known[how] = looks.look_in(path, how)

    def listing(self, path: str) -> None:
        """The directory `path` is about to be listed."""
        if path not in self._listed and not self.is_made(path):
            self._listed[path] = looks.listing_digest(self._listing(path))

    def search(self, directory: str, names: Iterable[str]) -> None:
        """`names`, of modules or with "*" before the end of any, are looked for in `directory`."""
        if directory not in self._names:
            self._names[directory] = set()
            self._entries[directory] = self._listing(directory)
        self._names[directory].update(names)

    def look_inside(self, path: str) -> None:
        """The entries of the directory `path` are about to be looked at, each in every way."""
        names = self._listing(path)
        if names is not None and len(names) > _MANY:
            self.fail(f"the pipeline looks at {len(names)} files in {path} while it is loaded")
            return
        for name in names or ():
            self.look(os.path.join(path, name.rstrip("/")), looks.STAT)  # noqa: PTH118 - text in, text out

    def made(self, path: str) -> None:
        """`path` is about to be created: what is there from now on is this load's own doing."""
        self._made.add(path)

    def wrote(self, path: str) -> None:
        """`path` is about to be written, so created if there is nothing yet."""
        self._written.add(path)
        if not _exists(path):
            self.made(path)

    def is_made(self, path: str) -> bool:
        while self._made:
            if path in self._made:
                return True
            above = path.rpartition(os.sep)[0]
            if above == path:
                break
            path = above
        return False

    def is_read(self, path: str) -> bool:
        """Whether it is noted that the file at `path` was read."""
        return path in self._read

    def is_written(self, path: str) -> bool:
        """Whether this load wrote to `path`."""
        return path in self._written or self.is_made(path)

    def files(self, frozen: dict[str, str]) -> dict[str, str]:
        """The digests of the files that were read; those of `frozen` are known. Notes what changed meanwhile."""
        found = dict(frozen)
        for path, before in self._read.items():
            if path in found:
                continue
            found[path] = looks.file_digest(path)
            if before.differs(_Read(_stamp_of(path), found[path])):
                self.fail(f"{path} changed while the pipeline was loaded")
        return found

    def looked_up(self) -> dict[str, str]:
        """What looks at paths told. Notes what changed meanwhile."""
        for path, found in self._looked.items():
            if any(looks.look_in(path, how) != text for how, text in found.items()):
                self.fail(f"{path} changed while the pipeline was loaded")
        return {path: looks.joined(found) for path, found in self._looked.items() if found}

    def listed(self) -> dict[str, str]:
        """The digests of what was listed. Notes what changed meanwhile."""
        for path, digest in self._listed.items():
            if looks.listing_digest(looks.entries(path)) != digest:
                self.fail(f"the names in {path} changed while the pipeline was loaded")
        return dict(self._listed)

    def searched(self) -> dict[str, Searched]:
        """The names that were looked for, by directory. Notes what changed meanwhile."""
        found = {}
        for path, names in self._names.items():
            digest = looks.search_digest(self._entries[path], names)
            if looks.search_digest(looks.entries(path), names) != digest:
                self.fail(f"modules in {path} were added or removed while the pipeline was loaded")
            found[path] = Searched(tuple(sorted(names)), digest)
        return found

    def _listing(self, path: str) -> list[str] | None:
        self.count_listing(path)
        return looks.entries(path)


def _stamp_of(path: str) -> Stamp | None:
    try:
        found = _stat(path)
    except (OSError, ValueError):
        return None
    return Stamp.of(found) if modes.S_ISREG(found.st_mode) else None


def _now_of(path: str) -> _Read:
    try:
        found = _stat(path)
    except (OSError, ValueError):
        return _Read(None, "")
    if not modes.S_ISREG(found.st_mode):
        return _Read(None, "")
    is_fresh = changed_at(found) + _FRESH > time.time_ns()
    return _Read(Stamp.of(found), looks.file_digest(path) if is_fresh or found.st_size < _SMALL else None)
