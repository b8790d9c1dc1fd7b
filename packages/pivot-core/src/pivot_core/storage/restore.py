"""Put objects back where a stage had written them: into a temporary beside the place, checked, then swapped."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterable
from pathlib import Path

import attrs

from pivot_core.model import Digest
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import TEMPORARY_PREFIX, Ignore, is_litter
from pivot_core.storage.listing import Entry, parents
from pivot_core.storage.objects import Objects
from pivot_core.storage.parallel import in_parallel
from pivot_core.storage.remove import clear, remove, replace, unlink
from pivot_core.storage.walk import slashed


def restore_file(objects: Objects, hasher: Hasher, digest: Digest, path: str, *, executable: bool = False) -> None:
    """Make `path` a file with these bytes. Raises OSError and MissingObjectError, with nothing changed."""
    with _Temporary(objects, hasher.root / path) as temporary:
        objects.take_out(digest, str(temporary), path, executable=executable)
        _replace(temporary, hasher, path)
    hasher.note(path, digest)


def restore_link(objects: Objects, hasher: Hasher, target: str, path: str) -> None:
    """Make `path` a symbolic link to `target`. Raises OSError."""
    with _Temporary(objects, hasher.root / path) as temporary:
        temporary.symlink_to(target)
        _replace(temporary, hasher, path)


def restore_directory(objects: Objects, hasher: Hasher, entries: Iterable[Entry], path: str) -> None:
    """Make `path` a directory with exactly these entries, and what is ignored there.

    What it has already stays as it is. Raises OSError and MissingObjectError; until all objects have been checked,
    nothing is changed.
    """
    place = hasher.root / path
    wanted = {entry.path: entry for entry in entries}
    kept = _kept(hasher, wanted, path) if _is_real_directory(place) else None
    todo = [entry for entry in wanted.values() if entry.path not in (kept or ())]
    with _Temporary(objects, place) as temporary:
        _build(objects, todo, temporary, path)
        if kept is None:
            _replace(temporary, hasher, path)
        else:
            _Merge(place, path, hasher.ignore, wanted).run(todo, temporary)
    for entry in todo:
        if entry.digest:
            hasher.note(f"{path}/{entry.path}", entry.digest)


def remove_leftovers(objects: Objects, root: Path) -> None:
    """Remove what killed restores have left in the project at `root`. Only while no other process restores there."""
    for mark, text in objects.marks():
        left = Path(text)
        if left.name.startswith(TEMPORARY_PREFIX) and left.parent.resolve().is_relative_to(root.resolve()):
            remove(left)
            objects.unmark(mark)


class _Temporary:
    """A name beside `place` for what will replace it; nothing is there any more afterwards.

    The store has a mark of it meanwhile: a killed restore may have been as good as done, so that nobody comes back to
    this place and would see what it has left.
    """

    def __init__(self, objects: Objects, place: Path) -> None:
        self._objects = objects
        self._path = place.parent / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"

    def __enter__(self) -> Path:
        self._mark = self._objects.mark(str(self._path))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        remove(self._path)
        self._objects.unmark(self._mark)


def _replace(temporary: Path, hasher: Hasher, path: str) -> None:
    """Rename `temporary` to `path`, whatever is there; raises OSError for a directory that holds something ignored."""
    place = hasher.root / path
    if _is_real_directory(place) or temporary.is_dir():
        clear(hasher.root, path, hasher.ignore)
    replace(temporary, place)


def _kept(hasher: Hasher, wanted: dict[str, Entry], path: str) -> set[str]:
    """The entries that the directory at `path` has already."""
    place = hasher.root / path
    real = {"": True}
    for entry in wanted.values():
        for parent in parents(entry.path):
            if parent not in real:
                above = parent.rpartition("/")[0]
                real[parent] = real[above] and _is_real_directory(place / parent)
    kept, files = set(), []
    for entry in wanted.values():
        inner = place / entry.path
        if not real[entry.path.rpartition("/")[0]]:
            continue
        if entry.link:
            same = inner.is_symlink() and slashed(str(inner.readlink())) == entry.link
        elif entry.digest:
            same = False
            if _is_like(inner, entry):
                files.append(entry)
        else:
            same = _is_real_directory(inner)
        if same:
            kept.add(entry.path)
    states = hasher.states(f"{path}/{entry.path}" for entry in files)
    for entry in files:
        state = states[f"{path}/{entry.path}"]
        if state is not None and state.digest == entry.digest:
            kept.add(entry.path)
    return kept


def _is_like(place: Path, entry: Entry) -> bool:
    """Whether a regular file is at `place` that could be `entry`, bytes aside."""
    try:
        stat = place.lstat()
    except OSError:
        return False
    executable = bool(stat.st_mode & modes.S_IXUSR)
    return modes.S_ISREG(stat.st_mode) and stat.st_size == entry.size and executable == entry.executable


def _is_real_directory(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _build(objects: Objects, entries: list[Entry], temporary: Path, path: str) -> None:
    """Make the new directory `temporary` hold `entries`."""
    directories = {parent for entry in entries for parent in parents(entry.path)}
    directories.update(entry.path for entry in entries if not entry.digest and not entry.link)
    temporary.mkdir()
    for directory in sorted(directories):
        (temporary / directory).mkdir()

    def make(entry: Entry) -> None:
        inner = f"{temporary}/{entry.path}"
        if entry.link:
            Path(inner).symlink_to(entry.link)
        elif entry.digest:
            objects.take_out(entry.digest, inner, f"{path}/{entry.path}", executable=entry.executable)

    in_parallel(make, [(entry, entry.size) for entry in entries])


@attrs.frozen
class _Merge:
    """Bring the directory `place`, known as `path`, to what is `wanted`."""

    place: Path
    path: str
    ignore: Ignore
    wanted: dict[str, Entry]

    def run(self, new: list[Entry], temporary: Path) -> None:
        """Take away what is not wanted, and move `new` entries in from `temporary`."""
        directories = {parent for path in self.wanted for parent in parents(path)}
        directories.update(path for path, entry in self.wanted.items() if not entry.digest and not entry.link)
        self._sweep("", directories)
        for directory in sorted(directories):
            (self.place / directory).mkdir(exist_ok=True)
        for entry in new:
            if entry.digest or entry.link:
                replace(temporary / entry.path, self.place / entry.path)

    def _sweep(self, prefix: str, directories: set[str]) -> None:
        with os.scandir(self.place / prefix) as scan:
            entries = list(scan)
        for entry in entries:
            inner = prefix + entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if self.ignore.ignored(f"{self.path}/{inner}", directory=is_directory):
                if is_litter(entry.name) and prefix and prefix[:-1] not in directories:
                    remove(Path(entry.path))
                continue
            if is_directory:
                self._sweep(f"{inner}/", directories)
                if inner not in directories:
                    self._remove_if_empty(inner)
            elif inner in directories or inner not in self.wanted:
                unlink(entry.path)

    def _remove_if_empty(self, inner: str) -> None:
        try:
            (self.place / inner).rmdir()
        except OSError:
            if inner in self.wanted:
                raise  # a file has to stand where something ignored keeps the directory
