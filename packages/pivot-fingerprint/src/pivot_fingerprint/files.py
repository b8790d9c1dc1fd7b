# ruff: noqa: PTH112, PTH118 # plain strings: these are keys of nodes, and a Path costs several times as much
"""Files that count by their bytes: those that code reads, and those that somebody names."""

import os
from collections.abc import Iterator
from typing import Final

import xxhash

from pivot_fingerprint.graph import Key, Node
from pivot_fingerprint.project import Project, Sources

_LARGE: Final = 1 << 20
"""Larger files than this, in bytes, are no code: they are not kept in memory."""


class Files:
    """Makes the nodes of files."""

    def __init__(self, project: Project, sources: Sources) -> None:
        self._project = project
        self._sources = sources

    def node(self, key: Key) -> Node:
        path = key[1]
        name = self._project.show(path)
        try:
            digest = self._digest(path)
        except OSError as error:
            return Node("file", name, "unreadable", note=error.strerror or "cannot be read")
        return Node("file", name, digest, file=name, line=1)

    def keys(self, path: str) -> Iterator[Key]:
        """The keys of a file, or of all files in a directory."""
        absolute = os.path.join(self._project.root, path)
        if not os.path.isdir(absolute):
            yield ("file", absolute)
            return
        for directory, directories, names in os.walk(absolute):
            directories[:] = sorted(name for name in directories if name != "__pycache__" and not name.startswith("."))
            for name in sorted(names):
                yield ("file", os.path.join(directory, name))

    def _digest(self, path: str) -> str:
        if os.stat(path).st_size <= _LARGE:  # noqa: PTH116 # as above
            return xxhash.xxh3_128_hexdigest(self._sources.read(path))
        digest = xxhash.xxh3_128()
        with open(path, "rb") as file:  # noqa: PTH123 # as above
            while chunk := file.read(_LARGE):
                digest.update(chunk)
        return digest.hexdigest()
