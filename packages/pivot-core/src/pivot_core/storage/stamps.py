"""Stamps: which digest a file had when its stat was such and such, so that it need not be read again.

A file rewritten with the same size within one tick of the file system's clock keeps its stamp. So a stamp counts only
if it is older than the moment the file was read, by the clock of the file system itself: then every later write must
leave another one. What is read too soon after it was written is read again at the next look.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from pivot_core.model import Digest

SECOND = 1_000_000_000  # nanoseconds, as all times here
OTHER_CLOCK_MARGIN = 60 * SECOND  # how far the clock of another file system may be behind
TICK = 0.02  # seconds after which the clock of any file system finer than a second has moved


class Stamp(NamedTuple):
    """A tuple, since there are as many as files."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        return cls(stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


class Row(NamedTuple):
    """A stamp as it is kept in state.db. `path` is relative to the root, or absolute outside of it."""

    path: str
    stamp: Stamp
    digest: Digest


class FileClock:
    """Tells the time as the file system does, by touching the file at `path`, its own.

    Where that file cannot be written there is no time, and no stamp is trusted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._device: int | None = None

    def now(self) -> int:
        """Nanoseconds; 0 where the time cannot be told."""
        try:
            stat = self._touch()
        except OSError:
            return 0
        self._device = stat.st_dev
        return stat.st_mtime_ns

    def settled(self, stat: os.stat_result, now: int) -> bool:
        """Whether a file with this stat that is read at `now`, or later, cannot change later and keep its stamp."""
        margin = granularity(stat) if stat.st_dev == self._device else OTHER_CLOCK_MARGIN
        return changed_at(stat) + margin < now

    def wait_past(self, moment: int) -> int:
        """Wait up to a tick until the time is later than `moment`, and return it."""
        deadline = time.monotonic() + TICK
        while 0 < (now := self.now()) <= moment and time.monotonic() < deadline:
            time.sleep(0.001)
        return now

    def _touch(self) -> os.stat_result:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        return os.stat(self._path)  # noqa: PTH116


def changed_at(stat: os.stat_result) -> int:
    """When a file was last written or renamed, at the latest."""
    return max(stat.st_mtime_ns, stat.st_ctime_ns)


def granularity(stat: os.stat_result) -> int:
    """How much older a stamp must be: whole seconds give away a file system that knows nothing finer (FAT: 2 s)."""
    whole = stat.st_mtime_ns % SECOND == 0 and stat.st_ctime_ns % SECOND == 0
    return 2 * SECOND if whole else 0


class Stamps:
    """The stamps of a session, from those of earlier ones. Safe to use from several threads."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._known = {row.path: row for row in rows}
        self._used: set[str] = set()
        self._unsaved: dict[str, Row] = {}
        self._unsettled: dict[str, Row] = {}
        self._written: dict[str, int] = {}
        self.writes = 0
        """How often a file was found to have been written to since it was read before."""
        self._lock = threading.Lock()

    def find(self, path: str, stamp: Stamp) -> Digest | None:
        """The digest of the file at `path`, if it can be told from its stamp.

        On Windows it never can: of the times of a file it tells, any program may set each.
        """
        if sys.platform == "win32":
            return None
        self._used.add(path)
        row = self._known.get(path)
        return row.digest if row is not None and row.stamp == stamp else None

    def add(self, row: Row, *, trusted: bool) -> None:
        """Note what was read. Without `trusted` it is only remembered for `settle`."""
        with self._lock:
            self._used.add(row.path)
            before = self._unsettled.get(row.path) or self._known.get(row.path)
            if before is not None and before.stamp.mtime_ns != row.stamp.mtime_ns:
                self.writes += 1
                self._written.pop(row.path, None)  # it comes last now
                self._written[row.path] = self.writes
            if trusted:
                self._known[row.path] = self._unsaved[row.path] = row
                self._unsettled.pop(row.path, None)
            else:
                self._known.pop(row.path, None)
                self._unsaved.pop(row.path, None)
                self._unsettled[row.path] = row

    def written_since(self, writes: int) -> list[str]:
        """The paths that were found to have been written to since there were so many `writes`, the last first."""
        with self._lock:
            return list(takewhile(lambda path: self._written[path] > writes, reversed(self._written)))

    def take_unsettled(self) -> list[Row]:
        """What was read too soon after it was written, since the last call."""
        with self._lock:
            rows, self._unsettled = list(self._unsettled.values()), {}
            return rows

    def take_unsaved(self) -> list[Row]:
        """What is new since the last call, for state.db."""
        with self._lock:
            rows, self._unsaved = list(self._unsaved.values()), {}
            return rows

    def unused(self) -> list[str]:
        """Paths from earlier sessions that nobody asked about."""
        with self._lock:
            return [path for path in self._known if path not in self._used]
