# ruff: noqa: PTH103, PTH105, PTH108, PTH112, PTH123 - done for every file, where a Path costs more than the call it makes
"""Objects by digest, in files that are never written twice.

    ab/cdef…            a file's bytes, 0444; whether a file is executable stands in listings, not here
    ab/cdef….tree       the listing of a directory
    tmp/                what is being written; renamed into place when it is whole
    damaged/            objects whose bytes turned out to be others

An object comes into being by a rename, so it is whole or absent whoever is killed, and two writers of one object do no
harm. It can still be damaged later (by a disk, or by root through a hard link), so nothing is taken out unread.
"""

from __future__ import annotations

import os
import stat as modes
import time
from collections.abc import Callable
from pathlib import Path

from pivot_core.config import LinkKind
from pivot_core.errors import PivotError
from pivot_core.model import Digest
from pivot_core.storage.digests import READ, TREE_SUFFIX, copy_descriptor, hash_bytes, hash_descriptor, object_name
from pivot_core.storage.linking import can_protect, clone, hard_link
from pivot_core.storage.remove import replace, unlink

OLD = 24 * 3600  # seconds after which nobody is still writing a file in tmp/, on whatever machine
_HOST = os.uname().nodename if hasattr(os, "uname") else ""
_MARK = ".mark"
_EMPTY = hash_bytes(b"")
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class MissingObjectError(PivotError):
    """An object is not in the store, or was damaged there."""


class Objects:
    """The files of a store. `shown` arguments are paths as users know them, for errors."""

    def __init__(self, directory: Path, link: LinkKind) -> None:
        self.link: LinkKind = "auto" if link == "hardlink" and not can_protect() else link
        self._top = str(directory)

    def path(self, digest: Digest) -> str | None:
        """Where an object is or would be; None for text that is no digest."""
        name = object_name(digest)
        return None if name is None else f"{self._top}/{name[:2]}/{name[2:]}"

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Whether an object is there and, as far as its stat tells, whole. `size` is its size in bytes, if known."""
        path = self.path(digest)
        try:
            stat = os.lstat(path) if path else None
        except OSError:
            return False
        if stat is None or not modes.S_ISREG(stat.st_mode):
            return False
        if size is None:
            return stat.st_size > 0 or digest.removesuffix(TREE_SUFFIX) == _EMPTY
        return stat.st_size == size

    def add_bytes(self, digest: Digest, data: bytes) -> None:
        """Store the object `digest`. Raises OSError."""
        temporary = self._temporary()
        try:
            with open(os.open(temporary, _NEW_FILE, 0o444), "wb") as file:
                file.write(data)
            self._publish(temporary, digest)
        finally:
            _discard(temporary)

    def add_file(self, digest: Digest, source: str, shown: str, *, may_link: Callable[[], bool]) -> bool:
        """Store the file `source`, whose digest is `digest`; returns whether it is now a hard link of the object.

        That may be if hard links are wanted, and `may_link`.

        Raises OSError, and PivotError if its bytes are no longer those.
        """
        if self.link == "hardlink" and may_link():
            temporary = self._temporary()
            try:
                if hard_link(source, temporary):
                    self._add(digest, temporary, _hash(temporary), shown)
                    return True
            finally:
                _discard(temporary)  # also where it is the object already: then renaming it does nothing
        temporary = self._temporary()
        try:
            self._add(digest, temporary, self._copy(source, temporary, 0o444, shown), shown)
        except BaseException:
            _discard(temporary)
            raise
        return False

    def _add(self, digest: Digest, temporary: str, actual: Digest, shown: str) -> None:
        if actual != digest:
            raise PivotError(
                f"{shown}: changed while it was being stored",
                "Something still writes to it after the stage has ended; let the stage wait for that.",
            )
        self._publish(temporary, digest)

    def read(self, digest: Digest, shown: str) -> bytes:
        """The bytes of a small object. Raises MissingObjectError."""
        path = self._present(digest, shown)
        data = Path(path).read_bytes()
        if hash_bytes(data) != digest.removesuffix(TREE_SUFFIX):
            raise self._damaged(digest, shown)
        return data

    def take_out(self, digest: Digest, target: str, shown: str, *, executable: bool = False) -> None:
        """Make the file `target`, which must not exist, hold the object. Raises OSError and MissingObjectError."""
        path = self._present(digest, shown)
        if self.link == "hardlink" and not executable:
            if _hash(path) != digest:
                raise self._damaged(digest, shown)
            try:
                os.link(path, target)
            except OSError:
                pass
            else:
                return
        if self._copy(path, target, 0o777 if executable else 0o666, shown) != digest:
            os.unlink(target)
            raise self._damaged(digest, shown)

    def clean(self) -> None:
        """Remove what killed writers have left behind."""
        try:
            for path in Path(self._top, "tmp").iterdir():
                if _is_abandoned(path.name) or path.lstat().st_mtime < time.time() - OLD:
                    _discard(str(path))
        except OSError:
            return  # another process does the same, or there is nothing

    def mark(self, text: str) -> str:
        """Keep `text` until `unmark`, also if this process is killed; returns the name to unmark it by."""
        temporary = self._temporary()
        mark = f"{temporary}{_MARK}"
        Path(temporary).write_bytes(os.fsencode(text))
        os.replace(temporary, mark)  # so that a mark is never seen, or left, without its text
        return mark

    def unmark(self, mark: str) -> None:
        _discard(mark)

    def marks(self) -> list[tuple[str, str]]:
        """The marks that are there, each with its text."""
        found = []
        for path in Path(self._top, "tmp").glob(f"*{_MARK}"):
            try:
                found.append((str(path), os.fsdecode(path.read_bytes())))
            except OSError:
                continue  # its owner has just unmarked it
        return found

    def _copy(self, source: str, target: str, mode: int, shown: str) -> Digest:
        """Copy or reflink `source` to the new file `target`; returns the digest of what is there now."""
        reading = os.open(source, READ)
        try:
            writing = os.open(target, _NEW_FILE, mode)
            try:
                if self.link in ("auto", "reflink") and clone(reading, writing):
                    return hash_descriptor(writing, os.fstat(writing).st_size)
                if self.link == "reflink":
                    raise PivotError(
                        f"{shown}: the file system cannot make reflinks between it and the store",
                        "Set `link` to auto, which copies where it must.",
                    )
                return copy_descriptor(reading, writing)
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def _present(self, digest: Digest, shown: str) -> str:
        path = self.path(digest)
        if path is None or not self.has(digest):
            raise MissingObjectError(f"{shown}: its bytes ({digest}) are not in the store")
        return path

    def _damaged(self, digest: Digest, shown: str) -> MissingObjectError:
        """Set an object aside, and return the error that says so."""
        path = self.path(digest)
        assert path is not None
        aside = self._set_aside(path)
        return MissingObjectError(
            f"{shown}: its bytes in the store ({digest}) are damaged", f"They are kept in {aside}."
        )

    def _set_aside(self, path: str) -> Path:
        """Move what is at the place of an object, and is not the object, to the directory that is returned."""
        aside = Path(self._top, "damaged")
        try:
            aside.mkdir(exist_ok=True)
            os.replace(path, aside / path.removeprefix(self._top).replace("/", ""))
        except OSError:
            pass
        return aside

    def _temporary(self) -> str:
        directory = f"{self._top}/tmp"
        if not os.path.isdir(directory):
            os.makedirs(directory, exist_ok=True)
        return f"{directory}/{os.getpid()}-{os.urandom(6).hex()}-{_HOST}"

    def _publish(self, temporary: str, digest: Digest) -> None:
        path = self.path(digest)
        assert path is not None
        try:
            replace(temporary, path)
        except FileNotFoundError:
            os.makedirs(path[: path.rindex("/")], exist_ok=True)
            replace(temporary, path)
        except (IsADirectoryError, PermissionError):
            if not os.path.isdir(path):
                raise
            self._set_aside(path)
            replace(temporary, path)


def _is_abandoned(name: str) -> bool:
    """Whether the process that wrote the temporary file of this name was on this machine, and is gone."""
    pid, _, rest = name.partition("-")
    if os.name != "posix" or not pid.isdecimal() or rest.partition("-")[2] != _HOST:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _discard(path: str) -> None:
    try:
        unlink(path)
    except FileNotFoundError:
        pass


def _hash(path: str) -> Digest:
    descriptor = os.open(path, READ)
    try:
        return hash_descriptor(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
