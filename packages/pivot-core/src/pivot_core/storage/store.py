"""The store as stages use it: files and directories put in and fetched back."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from pathlib import Path

from pivot_core.config import LinkKind
from pivot_core.errors import SEE_THERE, PivotError
from pivot_core.interfaces import Finished, Store, Task
from pivot_core.model import Digest, FileState
from pivot_core.storage.digests import TREE_SUFFIX
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.listing import Entry, ListingError, listing_bytes, read_listing
from pivot_core.storage.objects import MissingObjectError, Objects
from pivot_core.storage.parallel import in_parallel
from pivot_core.storage.restore import remove_leftovers, restore_directory, restore_file, restore_link
from pivot_core.storage.walk import slashed

__all__ = ["MissingObjectError", "ObjectStore", "put_outs"]

_FULL = {errno.ENOSPC, errno.EDQUOT}


class ObjectStore:
    """Implements `interfaces.Store` in a directory of its own. Threads and processes may use it at once.

    `link` says how bytes get from and to the project: "auto" makes reflinks or else copies, "reflink" insists on them,
    "copy" copies, "hardlink" makes outs read-only links of their objects (where it cannot, it copies).
    """

    def __init__(self, directory: Path, hasher: Hasher, link: LinkKind = "auto") -> None:
        self._objects = Objects(directory, link)
        self._hasher = hasher

    def state(self, path: str) -> FileState | None:
        """What is at `path`, whether it is stored or not; None where there is nothing."""
        return self._hasher.state(path)

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        """Which of the objects are not there; a directory is missing if its listing or any file of it is."""
        return {digest for digest in digests if not self._complete(digest)}

    def put(self, path: Path) -> FileState:
        """Store the file or directory at `path` (absolute, or relative to the root) and return what it is.

        Raises PivotError if there is nothing, if it cannot be read or changes meanwhile, or if the disk is full.
        """
        known = self._hasher.known_as(path)
        contents = self._hasher.contents(known)
        if contents is None:
            place = self._hasher.root / known
            if not place.is_symlink():
                raise PivotError(f"{known}: does not exist, so it cannot be stored")
            raise PivotError(
                f"{known}: a link to {str(place.readlink())!r}, which leads nowhere, so it cannot be stored",
                "Where a link leads counts from the directory that it is in.",
            )
        state, entries = contents
        try:
            if state.is_directory:
                self._put_directory(known, state, entries)
            else:
                self._put_file(known, state.digest, state.size)
        except OSError as error:
            raise _explained(error, known, "stored") from None
        return state

    def fetch(self, state: FileState, path: Path) -> None:
        """Put what `state` says at `path`, replacing what is there; what is there already is left alone.

        Raises MissingObjectError, before anything is changed, and PivotError if it cannot be written.
        """
        known = self._inside(path)
        try:
            if state.link is not None and self._fetch_link(state, known):
                return
            if self._is_there(state, known):
                return
            if state.is_directory:
                restore_directory(self._objects, self._hasher, self._entries(state.digest, known), known)
            else:
                restore_file(self._objects, self._hasher, state.digest, known, executable=state.executable)
        except OSError as error:
            raise _explained(error, known, "restored") from None

    def save_unknown(self, path: Path) -> FileState | None:
        """Store what is at `path` if the store does not have it, since it is about to be removed.

        Returns what was stored; None where there was nothing to save.
        """
        state = self._hasher.state(self._hasher.known_as(path))
        if state is None or not self.missing([state.digest]):
            return None
        return self.put(path)

    def clean(self) -> None:
        """Remove what killed processes have left, in the store and in the project; to be called under the run lock.

        Raises PivotError.
        """
        try:
            remove_leftovers(self._objects, self._hasher.root)
        except OSError as error:
            raise _explained(error, error.filename or "", "cleaned") from None
        self._objects.clean()

    def _complete(self, digest: Digest) -> bool:
        if not self._objects.has(digest):
            return False
        if not digest.endswith(TREE_SUFFIX):
            return True
        try:
            entries = self._entries(digest, digest)
        except MissingObjectError:
            return False
        return all(self._objects.has(entry.digest, entry.size) for entry in entries if entry.digest)

    def place(self, digest: Digest) -> Path:
        """The file that holds what has this digest; of a directory, its listing."""
        return Path(self._objects.path(digest) or "")

    def listing(self, digest: Digest) -> list[Entry]:
        """What is in the directory of this digest. Raises PivotError if the store does not know."""
        return self._entries(digest, digest)

    def _entries(self, digest: Digest, shown: str) -> list[Entry]:
        data = self._objects.read(digest, shown)
        try:
            return read_listing(data)
        except ListingError as error:
            raise PivotError(f"{shown}: the listing {digest} in the store is refused: {error}") from None

    def _put_file(self, path: str, digest: Digest, size: int) -> None:
        if self._objects.has(digest, size):
            return
        place = f"{self._hasher.root}/{path}"

        def is_own() -> bool:
            """A file that a link leads to is not the stage's: it must not become read-only."""
            return slashed(os.path.realpath(place)) == f"{slashed(os.path.realpath(self._hasher.root))}/{path}"

        if self._objects.add_file(digest, place, path, may_link=is_own):
            self._hasher.note(path, digest)

    def _put_directory(self, path: str, state: FileState, entries: list[Entry]) -> None:
        """The listing last: an object that is there has all that it names."""

        def put(entry: Entry) -> None:
            self._put_file(f"{path}/{entry.path}", entry.digest, entry.size)

        in_parallel(put, [(entry, entry.size) for entry in entries if entry.digest])
        data = listing_bytes(entries)
        if not self._objects.has(state.digest, len(data)):
            self._objects.add_bytes(state.digest, data)

    def _fetch_link(self, state: FileState, path: str) -> bool:
        """Restore a link whose target is in the project and holds the right bytes; else False."""
        assert state.link is not None
        place = self._hasher.root / path
        target = self._hasher.known_as(place.parent / state.link)
        if target == "." or Path(target).is_absolute():
            return False
        there = self._hasher.state(target) if target != path else None
        if there is None or there.identity != state.identity:
            return False
        if not (place.is_symlink() and slashed(str(place.readlink())) == state.link):
            restore_link(self._objects, self._hasher, state.link, path)
        return True

    def _is_there(self, state: FileState, path: str) -> bool:
        try:
            there = self._hasher.state(path)
        except PivotError:
            return False  # something that cannot be read: it will be replaced
        return there is not None and there.identity == state.identity and there.link is None

    def _inside(self, path: Path) -> str:
        known = self._hasher.known_as(path)
        if known == "." or Path(known).is_absolute() or known.split("/")[0] in (".pivot", ".git"):
            raise PivotError(f"{path}: nothing is restored outside of the project")
        return known


def put_outs(store: Store, root: Path, task: Task, seconds: float, notices: tuple[str, ...] = ()) -> Finished:
    """Store what a task wrote in `seconds`. That an out is not there, or is a file where it has to be a directory, is
    the error of the result.

    Outs that are not cached are looked at only. Raises PivotError where one cannot be stored.
    """
    states: dict[str, FileState | None] = {}
    for out in task.outs:
        place = root / out.path
        if not os.path.lexists(place):
            states[out.path] = None
        else:
            states[out.path] = store.put(place) if out.cache else store.state(out.path)
    missing = tuple(path for path, state in states.items() if state is None)
    if missing:
        return Finished(task.id, seconds, f"did not write {', '.join(missing)}", notices=notices, missing=missing)
    files = [out.path for out in task.outs if out.is_directory and not (root / out.path).is_dir()]
    if files:
        error = f"wrote {', '.join(files)} as a file, where {', '.join(f'{path}/' for path in files)} says a directory"
        return Finished(task.id, seconds, error, notices=notices)
    return Finished(task.id, seconds, outs={path: state for path, state in states.items() if state}, notices=notices)


def _explained(error: OSError, path: str, done: str) -> PivotError:
    if error.errno in _FULL:
        return PivotError(f"{path}: cannot be {done}: the disk is full", "Make room and run again.")
    what = f" ({error.filename})" if error.filename else ""
    return PivotError(f"{path}: cannot be {done}: {error.strerror or error}{what}", SEE_THERE)
