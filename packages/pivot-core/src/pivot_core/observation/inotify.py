"""What Linux tells of the directories of a project: files that are opened and changed, by whoever does it.

This sees what Python does not tell of, such as readers written in C++. Elsewhere nothing is told.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import attrs

_IN_MODIFY, _IN_CLOSE_NOWRITE, _IN_OPEN = 0x2, 0x10, 0x20
_IN_MOVED_TO, _IN_CREATE = 0x80, 0x100
_IN_ONLYDIR, _IN_DONT_FOLLOW, _IN_ISDIR, _IN_Q_OVERFLOW = 0x1000000, 0x2000000, 0x40000000, 0x4000
# Closing is asked for so that two openings in a row are not told as one.
_MASK: Final = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE | _IN_OPEN | _IN_CLOSE_NOWRITE | _IN_ONLYDIR | _IN_DONT_FOLLOW
_HEADER: Final = struct.Struct("iIII")
_LIMIT: Final = 4_000  # directories
_SKIPPED: Final = frozenset(
    (
        *("__pycache__", "node_modules", "site-packages", ".pivot", ".git", ".hg", ".svn", ".dvc", ".tox", ".nox"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".idea", ".vscode"),
    )
)


@attrs.frozen
class Seen:
    """What happened meanwhile: `opened` and `changed` are files, `listed` says how often directories were opened.

    `whole` is False where it is not known what else happened.
    """

    opened: set[str] = attrs.field(factory=set)
    changed: set[str] = attrs.field(factory=set)
    listed: Counter[str] = attrs.field(factory=Counter)
    whole: bool = True


class Watch:
    """Watches the directories below `roots`, from `start` to `stop`; those of tools and environments apart.

    `close` is given the descriptor at the end: the system may take 20 ms for closing it.
    """

    def __init__(self, roots: Iterable[str], close: Callable[[int], None] = os.close) -> None:
        self._roots = tuple(dict.fromkeys(roots))
        self._close = close
        self._descriptor = -1
        self._directories: dict[int, str] = {}
        self._is_whole = False

    def start(self) -> None:
        if sys.platform != "linux":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._descriptor < 0:
            return
        self._is_whole = True
        for directory in self._below_roots():
            number = libc.inotify_add_watch(self._descriptor, os.fsencode(directory), _MASK)
            if number >= 0:
                self._directories[number] = directory
            elif os.path.isdir(directory):  # noqa: PTH112 - text in, text out
                self._is_whole = False
        for _event in self._events():  # those of the walk itself
            pass

    def stop(self) -> Seen:
        if self._descriptor < 0:
            return Seen(whole=False)
        seen = Seen(whole=self._is_whole)
        for number, mask, name in self._events():
            directory = self._directories.get(number)
            if mask & _IN_Q_OVERFLOW or directory is None:
                seen = attrs.evolve(seen, whole=seen.whole and not mask & _IN_Q_OVERFLOW)
            elif not name:
                seen.listed[directory] += bool(mask & _IN_OPEN)
            elif not mask & _IN_ISDIR:
                path = f"{directory}{os.sep}{name}"
                if mask & _IN_OPEN:
                    seen.opened.add(path)
                if mask & (_IN_MODIFY | _IN_MOVED_TO | _IN_CREATE):
                    seen.changed.add(path)
        self._close(self._descriptor)
        self._descriptor = -1
        return seen

    def _below_roots(self) -> Iterator[str]:
        """Each root and the directories below it, up to the limit; those with links to them only by their own name."""
        waiting, count = list(self._roots), 0
        while waiting:
            directory = waiting.pop()
            count += 1
            if count > _LIMIT:
                self._is_whole = False
                return
            yield directory
            try:
                with os.scandir(directory) as found:
                    entries = list(found)
            except OSError:
                continue
            if any(entry.name == "pyvenv.cfg" for entry in entries) and directory not in self._roots:
                continue
            waiting += [
                entry.path for entry in entries if entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False)
            ]

    def _events(self) -> Iterator[tuple[int, int, str]]:
        while True:
            try:
                data = os.read(self._descriptor, 1 << 16)
            except (BlockingIOError, OSError):
                return
            at = 0
            while at < len(data):
                number, mask, _cookie, length = _HEADER.unpack_from(data, at)
                at += _HEADER.size
                yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
                at += length
