"""Which files are among deps: they are read as data then, and are no part of the code that names them."""

import os
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from pivot_core.model import Dep


class DeclaredFiles:
    """The files that some deps stand for."""

    def __init__(self, root: Path, deps: Collection[Dep]) -> None:
        self._root = root
        self._deps = deps

    @cached_property
    def _places(self) -> frozenset[str]:
        return frozenset(str(self._root / dep.path) for dep in self._deps if not dep.is_glob)

    @cached_property
    def _globs(self) -> tuple[str, ...]:
        return tuple(dep.path for dep in self._deps if dep.is_glob)

    def has(self, path: str) -> bool:
        """Whether the absolute path is a dep, lies in one, or would be matched by one."""
        if lies_in(path, self._places):
            return True
        if not self._globs:
            return False
        from pivot_core.storage.globs import matches

        relative = path.removeprefix(f"{self._root}{os.sep}").replace(os.sep, "/")
        return any(matches(glob, path if os.path.isabs(glob) else relative) for glob in self._globs)  # noqa: PTH117 # text


def lies_in(path: str, places: frozenset[str]) -> bool:
    """Whether the absolute path is one of the places, or below one."""
    path = os.path.normpath(path)
    while path not in places:
        above = os.path.dirname(path)  # noqa: PTH120 - asked of every text that may be a path
        if above == path:
            return False
        path = above
    return True
