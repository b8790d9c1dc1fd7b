"""Environment variables: which of them are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pivot_core.storage.digests import hash_bytes

ALL = "*"
"""Stands for all variables, as no variable can be named."""

_watch: Watch | None = None


def all_variables(environ: Mapping[str, str]) -> str:
    """The digest of all environment variables, for a load that looked at the mapping as a whole."""
    lines = sorted(f"{name}={value}" for name, value in environ.items())
    return hash_bytes("\0".join(lines).encode("utf-8", "surrogateescape"))


class Watch:
    """Notes which variables are read from `os.environ` and `os.environb`, which stay the same objects.

    What counts is the value at the start: what was set while loading is this load's own doing.
    """

    def __init__(self) -> None:
        self._mappings: list[Any] = [os.environ]
        if sys.platform != "win32":
            self._mappings.append(os.environb)
        self._before: dict[str, str] = {}
        self._read: set[str] = set()
        self._set: set[str] = set()

    def start(self) -> None:
        global _watch
        self._before = dict(os.environ)
        _watch = self
        for mapping in self._mappings:
            mapping.__class__ = _Watched

    def stop(self) -> dict[str, str | None]:
        """Stop, and give the variables that were read, None for one that was not set."""
        global _watch
        _watch = None
        for mapping in self._mappings:
            mapping.__class__ = os._Environ  # noqa: SLF001
        found: dict[str, str | None] = {name: self._before.get(name) for name in sorted(self._read - {ALL})}
        if ALL in self._read:
            found[ALL] = all_variables(self._before)
        return found

    def was_read(self, name: object) -> None:
        if isinstance(name, str | bytes) and (text := os.fsdecode(name)) not in self._set:
            self._read.add(text)

    def was_set(self, name: object) -> None:
        if isinstance(name, str | bytes):
            self._set.add(os.fsdecode(name))


class _Watched(os._Environ[Any]):  # noqa: SLF001 - the class of os.environ has no other name
    def __getitem__(self, key: Any) -> Any:
        if _watch is not None:
            _watch.was_read(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if _watch is not None:
            _watch.was_set(key)

    def __delitem__(self, key: Any) -> None:
        if _watch is not None:
            _watch.was_read(key)
        super().__delitem__(key)
        if _watch is not None:
            _watch.was_set(key)

    def __iter__(self) -> Iterator[Any]:
        if _watch is not None:
            _watch.was_read(ALL)
        return super().__iter__()

    def __len__(self) -> int:
        if _watch is not None:
            _watch.was_read(ALL)
        return super().__len__()

    def __repr__(self) -> str:
        if _watch is not None:
            _watch.was_read(ALL)
        return super().__repr__()


_Watched.__name__ = _Watched.__qualname__ = "_Environ"
_Watched.__module__ = "os"
