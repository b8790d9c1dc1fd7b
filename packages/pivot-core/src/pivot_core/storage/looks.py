"""Looks: every path that answers were based on, with the stamp it had.

While all of these stamps are the same, asking again gives the same answers. For that a stamp must be taken before what
it stands for is read, and be old enough that no later change can leave it the same (see stamps).
"""

from __future__ import annotations

import os
import stat as modes

from pivot_core.storage.stamps import FileClock, Stamp, changed_at

ABSENT = Stamp(0, 0, 0, 0)
THERE = -1  # in place of a time: only what it is counts, which is the mode that follows, and the inode


class Looks:
    """Takes notes of looks at paths, which are absolute; of one that is looked at twice the first counts.

    `followed` has the stamps of what paths lead to, `links` those of symbolic links themselves; ABSENT where there is
    nothing. `newest` is not 0 where something had changed so shortly before that its stamp says too little.
    """

    def __init__(self, clock: FileClock) -> None:
        self.followed: dict[str, Stamp] = {}
        self.links: dict[str, Stamp] = {}
        self.newest = 0
        self._clock = clock
        self._now = clock.now()

    def at(self, path: str) -> None:
        """Look at `path`, the link and what it leads to."""
        try:
            stat = os.lstat(path)
        except OSError:
            self.nothing(path)
            return
        if modes.S_ISLNK(stat.st_mode):
            self._note(self.links, path, stat)
            self.leads_to(path)
        else:
            self._note(self.followed, path, stat)

    def leads_to(self, path: str) -> None:
        """Look at what `path` leads to."""
        try:
            self._note(self.followed, path, os.stat(path))  # noqa: PTH116 - done for every file
        except OSError:
            self.nothing(path)

    def there(self, path: str) -> None:
        """Look whether `path` is there: if it is a directory, what is in it does not count."""
        try:
            stat = os.lstat(path)
        except OSError:
            stat = None
        if stat is not None and modes.S_ISDIR(stat.st_mode):
            self.followed.setdefault(path, Stamp(THERE, stat.st_mode, 0, stat.st_ino))
        else:
            self.at(path)

    def saw(self, path: str, stat: os.stat_result) -> None:
        """Note what somebody else's look at what `path` leads to gave."""
        self._note(self.followed, path, stat)

    def take(self, other: Looks) -> None:
        """Note what `other` has noted before, as by looks of the same moment. Where that is not what was seen here,
        something has just changed."""
        self.newest = max(self.newest, other.newest)
        for ours, theirs in ((self.followed, other.followed), (self.links, other.links)):
            for path, stamp in theirs.items():
                known = ours.get(path)
                if known is None or known.mtime_ns == THERE:
                    ours[path] = stamp
                elif known != stamp:
                    self.newest = max(self.newest, *known[:2], *stamp[:2])

    def nothing(self, path: str) -> None:
        """Note that somebody found nothing at `path`, or where it leads to."""
        self.followed.setdefault(path, ABSENT)

    def _note(self, stamps: dict[str, Stamp], path: str, stat: os.stat_result) -> None:
        if (known := stamps.get(path)) is None or known.mtime_ns == THERE:
            stamps[path] = Stamp.of(stat)
        if not self._clock.settled(stat, self._now):
            self.newest = max(self.newest, changed_at(stat))
