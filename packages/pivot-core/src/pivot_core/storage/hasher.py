# ruff: noqa: PTH115, PTH116, PTH118 - done for every file, where a Path costs more than the call it makes
"""What is at a path: the state of files and directories, read only where their stamps do not tell."""

from __future__ import annotations

import enum
import errno
import os
import stat as modes
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import attrs

from pivot_core.errors import PivotError
from pivot_core.model import Digest, FileState
from pivot_core.storage.digests import READ, hash_descriptor
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.listing import Entry, listing_state
from pivot_core.storage.looks import Looks
from pivot_core.storage.parallel import LARGE, in_parallel
from pivot_core.storage.stamps import FileClock, Row, Stamp, Stamps, changed_at
from pivot_core.storage.walk import Found, kind_of, no_look, slashed, walk

TRIES = 3  # how often a file that changes while it is read is read again
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}  # the last: a link that leads round in a circle
PRUNE_ABOVE = 10_000  # stamps that nobody asked about
_MOST_REMEMBERED = 200_000  # files in directories that are remembered: half a kilobyte each


class Hasher:
    """Tells the state of paths under a project root. `hashed` counts the files that were read, `looks` takes notes.

    Paths are relative to `root`, or absolute. `clock` must touch a file on the file system that most files are on.
    """

    def __init__(self, root: Path, stamps: Stamps, ignore: Ignore, clock: FileClock) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links that users see as places
        self._root = self.root.as_posix()
        self._top = f"{self._root}/"
        self.stamps = stamps
        self.ignore = ignore
        self.hashed = 0
        self.looks: Looks | None = None
        self._clock = clock
        self._count_lock = threading.Lock()
        self._remembered: dict[str, _Remembered] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def state(self, path: str) -> FileState | None:
        """What is at `path`; None where there is nothing, or a link that leads nowhere.

        Raises PivotError if it cannot be read, keeps changing, or is no file or directory.
        """
        return self.states([path])[path]

    def states(self, paths: Iterable[str], *, remember: bool = False) -> dict[str, FileState | None]:
        """`state` of many paths, read in parallel.

        With `remember`, what directories hold is remembered: to the next that asks for one while notes are taken it is
        given without another walk, with what was seen then.
        """
        told = {path: self._told(path) for path in paths}
        more = [path for path, state in told.items() if isinstance(state, _More)]
        told.update(self._looked(more, remember=remember))
        return cast("dict[str, FileState | None]", told)

    def _told(self, path: str) -> FileState | _More | None:
        """What is at `path` where one look tells it: a file that is known, or nothing."""
        known, place = self._names_of(path)
        try:
            stat = os.lstat(place)
        except OSError as error:
            if error.errno not in _GONE:
                return _MORE
            if self.looks is not None:
                self.looks.nothing(place)
            return None
        digest = self.stamps.find(known, Stamp.of(stat)) if modes.S_ISREG(stat.st_mode) else None
        if digest is None:
            return _MORE
        if self.looks is not None:
            self.looks.saw(place, stat)
        return FileState(digest, stat.st_size, executable=_is_executable(stat))

    def _looked(self, paths: list[str], *, remember: bool) -> dict[str, FileState | None]:
        """What is at `paths`, where one look does not tell: files may have to be read, and directories walked."""
        if not paths:
            return {}
        known = self._recalled(paths)
        remember = remember and self.looks is None
        found = {path: self._look(path, remember=remember) for path in paths if path not in known}
        digests = self._read(
            {path: size for look in found.values() if look is not None for path, size in look.unknown.items()}
        )
        states = {
            path: None if look is None else look.state(digests, look.entries(digests)) for path, look in found.items()
        }
        if remember:
            self._remember(found, states)
        return {path: known[path] if path in known else states[path] for path in paths}

    def _remember(self, found: Mapping[str, _Look | None], states: Mapping[str, FileState | None]) -> None:
        for path, look in found.items():
            state = states[path]
            if look is None or look.notes is None or state is None:
                continue
            self._remembered.pop(path, None)
            count = sum(len(remembered.look.stats) for remembered in self._remembered.values())
            if count + len(look.stats) <= _MOST_REMEMBERED:
                self._remembered[path] = _Remembered(look, state)

    def _recalled(self, paths: Iterable[str]) -> dict[str, FileState]:
        """Those of the directories among `paths` that are remembered, if notes are taken; each is given once."""
        if self.looks is None or not self._remembered:
            return {}
        known: dict[str, FileState] = {}
        for path in paths:
            remembered = self._remembered.pop(path, None)
            if remembered is not None and (notes := remembered.look.notes) is not None:
                self._note_files(notes, remembered.look.stats)
                self.looks.take(notes)
                known[path] = remembered.state
        return known

    def forget_remembered(self) -> None:
        """Other paths may count now: what is remembered of directories says nothing any more."""
        self._remembered.clear()

    def contents(self, path: str) -> tuple[FileState, list[Entry]] | None:
        """The state of what is at `path` with its entries, none for a file. Otherwise as `state`."""
        look = self._look(path)
        if look is None:
            return None
        read = self._read(look.unknown)
        entries = look.entries(read)
        return look.state(read, entries), entries

    def known_as(self, path: str | Path) -> str:
        """The path that stamps are kept under: relative to the root, absolute outside of it."""
        text = slashed(os.path.normpath(os.path.join(self._root, path)))
        return text.removeprefix(self._top) if text + "/" != self._top else "."

    def _names_of(self, path: str) -> tuple[str, str]:
        """The path as stamps know it, and in full."""
        names = self._names.get(path)
        if names is None:
            known = self.known_as(path)
            names = self._names[path] = known, os.path.join(self._root, known)
        return names

    def note(self, path: str | Path, digest: Digest) -> None:
        """Take over that the file at `path`, which Pivot itself has just put there, has this digest."""
        self.stamps.add(Row(self.known_as(path), Stamp.of(os.stat(self.root / path)), digest), trusted=False)

    def settle(self) -> None:
        """Look again at what was read too soon after it was written, so that the next run need not."""
        rows = [row for row in self.stamps.take_unsettled() if self._stamp(row.path) == row.stamp]
        newest = max((max(row.stamp.mtime_ns, row.stamp.ctime_ns) for row in rows), default=0)
        if rows and self._clock.wait_past(newest):
            self._read({row.path: row.stamp.size for row in rows}, gone_is_fine=True)

    def forgotten(self) -> list[str]:
        """Paths whose stamps can go, because their files are gone; looked for only when many stamps are not in use."""
        unused = self.stamps.unused()
        return [path for path in unused if not os.path.lexists(self.root / path)] if len(unused) > PRUNE_ABOVE else []

    def _stamp(self, path: str) -> Stamp | None:
        try:
            return Stamp.of(os.stat(self.root / path))
        except OSError:
            return None

    def _look(self, path: str, *, remember: bool = False) -> _Look | None:
        known, place = self._names_of(path)
        try:
            stat, link = os.lstat(place), None
            if modes.S_ISLNK(stat.st_mode):
                if self.looks is not None:
                    self.looks.at(place)
                stat, link = os.stat(place), slashed(os.readlink(place))
            elif self.looks is not None:
                self.looks.saw(place, stat)
        except OSError as error:
            if self.looks is not None:
                self.looks.nothing(place)
            if error.errno in _GONE:
                return None
            raise _unreadable(path, error) from None
        if modes.S_ISDIR(stat.st_mode):
            return self._look_into(known, place, link, remember=remember)
        if modes.S_ISREG(stat.st_mode):
            return _Look(known, {known: stat}, self._known({known: stat}), link)
        raise PivotError(
            f"{path}: {kind_of(stat.st_mode)}, neither a file nor a directory",
            "Put a file or directory in its place: what stages read and write can be told from these alone.",
        )

    def _look_into(self, known: str, place: str, link: str | None, *, remember: bool) -> _Look:
        top = "" if known == "." else f"{known}/"
        notes = Looks(self._clock) if remember else self.looks
        if remember and notes is not None:
            notes.at(place)
        try:
            found = list(walk(Path(place), self.ignore, top, no_look if notes is None else notes.at))
        except OSError as error:
            raise _unreadable(known, error) from None
        for each in found:
            if each.special:
                raise PivotError(
                    f"{top}{each.path}: {each.special}, neither a file nor a directory",
                    "Remove it, or name it in .pivotignore: what a directory holds can be told from files alone.",
                )
        stats = {top + each.path: each.stat for each in found if each.stat is not None}
        if self.looks is not None and not remember:
            self._note_files(self.looks, stats)
        return _Look(top, stats, self._known(stats), link, found, notes if remember else None)

    def _note_files(self, looks: Looks, stats: Mapping[str, os.stat_result]) -> None:
        for path, stat in stats.items():
            looks.saw(os.path.join(self._root, path), stat)

    def _known(self, stats: dict[str, os.stat_result]) -> dict[str, Digest]:
        digests = {path: self.stamps.find(path, Stamp.of(stat)) for path, stat in stats.items()}
        return {path: digest for path, digest in digests.items() if digest is not None}

    def _read(self, sizes: Mapping[str, int], *, gone_is_fine: bool = False) -> dict[str, tuple[Digest, int]]:
        """The digests and sizes of files, which are given by path with their supposed sizes."""
        digests: dict[str, tuple[Digest, int]] = {}
        if not sizes:
            return digests
        now = self._clock.now()

        def read(path: str) -> None:
            try:
                digests[path] = self._read_file(path, now)
            except FileNotFoundError:
                if not gone_is_fine:
                    raise PivotError(f"{path}: was removed while it was read") from None
            except OSError as error:
                raise _unreadable(path, error) from None

        in_parallel(read, sizes.items())
        return digests

    def _read_file(self, path: str, now: int) -> tuple[Digest, int]:
        """The digest and size of a file, read when its stamp was the same before and after."""
        descriptor = os.open(os.path.join(self._root, path), READ)
        try:
            for _ in range(TRIES):
                before = os.fstat(descriptor)
                # Waiting for a stamp that can be trusted is cheaper than reading a large file twice.
                if before.st_size >= LARGE and not self._clock.settled(before, now):
                    now = self._clock.wait_past(changed_at(before))
                digest = hash_descriptor(descriptor, before.st_size)
                after = os.fstat(descriptor)
                if Stamp.of(before) == Stamp.of(after):
                    self._count()
                    row = Row(path, Stamp.of(after), digest)
                    self.stamps.add(row, trusted=self._clock.settled(after, now))
                    return digest, after.st_size
                now = self._clock.now()
        finally:
            os.close(descriptor)
        raise PivotError(
            f"{path}: changed each of the {TRIES} times it was read",
            "Something is still writing to it; wait for that, or end it.",
        )

    def _count(self) -> None:
        with self._count_lock:
            self.hashed += 1


class _More(enum.Enum):
    LOOKS = enum.auto()


_MORE = _More.LOOKS  # it takes more than one to tell


@attrs.frozen
class _Look:
    """What a first look told, without reading: the stats of the files, and the digests of those that are known.

    For a directory `path` ends with a slash (or is empty: the root) and `found` is what it holds; None for a file.
    """

    path: str
    stats: dict[str, os.stat_result]
    digests: dict[str, Digest]
    link: str | None = None
    found: list[Found] | None = None
    notes: Looks | None = None
    """Of the directories, if it is to be remembered."""

    @property
    def unknown(self) -> dict[str, int]:
        """The files whose digest is not known, with their sizes."""
        return {path: stat.st_size for path, stat in self.stats.items() if path not in self.digests}

    def state(self, read: dict[str, tuple[Digest, int]], entries: list[Entry]) -> FileState:
        if self.found is not None:
            return listing_state(entries, self.link)
        digest, size = self._file(self.path, read)
        return FileState(digest, size, link=self.link, executable=_is_executable(self.stats[self.path]))

    def entries(self, read: dict[str, tuple[Digest, int]]) -> list[Entry]:
        return [self._entry(found, read) for found in self.found or ()]

    def _entry(self, found: Found, read: dict[str, tuple[Digest, int]]) -> Entry:
        if found.stat is None:
            return Entry(found.path, link=found.link)
        digest, size = self._file(self.path + found.path, read)
        return Entry(found.path, digest, size, executable=_is_executable(found.stat))

    def _file(self, path: str, read: dict[str, tuple[Digest, int]]) -> tuple[Digest, int]:
        return read.get(path) or (self.digests[path], self.stats[path].st_size)


@attrs.frozen
class _Remembered:
    """What a directory held when it was looked at."""

    look: _Look
    state: FileState


def _is_executable(stat: os.stat_result) -> bool:
    return bool(stat.st_mode & modes.S_IXUSR)


def _unreadable(path: str, error: OSError) -> PivotError:
    inner = f" ({error.filename})" if error.filename and not str(error.filename).endswith(path) else ""
    return PivotError(f"{path}: cannot be read: {error.strerror}{inner}")
