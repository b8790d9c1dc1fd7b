"""Frozen sources: each project source is read once per load, and what was read is what runs.

Python alone runs stale code: a pyc is trusted by whole seconds and size, and an import inside a function reads whatever
the disk holds by then. Here an importer serves project modules from the bytes that were read first, to every later
import in this process and its forks; the fingerprinter reads the same bytes.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType

import attrs


@attrs.frozen
class FrozenSources:
    """The bytes of each file at the time it was first read. Raises OSError for one that cannot be read.

    `executed` is called with the path of each module whose code has run, after those that it imported.
    """

    executed: Callable[[str], None] = lambda _path: None
    _read: dict[str, bytes] = attrs.field(factory=dict)

    def read(self, path: str) -> bytes:
        data = self._read.get(path)
        if data is None:
            with open(path, "rb") as file:  # noqa: PTH123 - called for every module; Path costs as much as the read
                data = self._read[path] = file.read()
        return data

    def bundle(self) -> dict[str, bytes]:
        """All that was read so far, by path."""
        return dict(self._read)


class FrozenLoader(importlib.machinery.SourceFileLoader):
    """Loads one module from frozen sources, without any pyc."""

    def __init__(self, fullname: str, path: str, sources: FrozenSources) -> None:
        super().__init__(fullname, path)
        self._sources = sources

    def get_data(self, path: str) -> bytes:
        return self._sources.read(path) if path == self.path else super().get_data(path)

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        self._sources.executed(self.path)

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return compile(self._sources.read(path), path, "exec", dont_inherit=True)


def is_frozen(module: object) -> bool:
    """Whether a module was loaded from frozen sources: it is one of the project."""
    return isinstance(getattr(getattr(module, "__spec__", None), "loader", None), FrozenLoader)


class FrozenFinder:
    """A finder for sys.meta_path that leaves the finding to those behind it, and serves project modules itself."""

    def __init__(self, sources: FrozenSources, is_project_file: Callable[[str], bool]) -> None:
        self._sources = sources
        self._is_project_file = is_project_file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) or self._by_others(
            fullname, path, target
        )
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return spec
        origin = spec.origin or ""
        if type(spec.loader) is not importlib.machinery.SourceFileLoader or not self._is_project_file(origin):
            return spec
        frozen = importlib.util.spec_from_file_location(
            fullname,
            origin,
            loader=FrozenLoader(fullname, origin, self._sources),
            submodule_search_locations=spec.submodule_search_locations,
        )
        return frozen or spec

    def _by_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        """What the finders behind this one find, such as those of editable installs."""
        finders = iter(sys.meta_path)
        if self not in finders:  # which leaves those behind it
            return None
        others = (finder for finder in finders if finder is not importlib.machinery.PathFinder)
        return next((spec for finder in others if (spec := finder.find_spec(fullname, path, target)) is not None), None)

    def invalidate_caches(self) -> None:
        importlib.machinery.PathFinder.invalidate_caches()


def install(finder: FrozenFinder, roots: Sequence[str]) -> None:
    """Put `roots` first on sys.path, and `finder` before the path finder."""
    for known in list(sys.path_importer_cache.values()):
        # What importlib.invalidate_caches does, without importing importlib.metadata for it.
        if known is not None and hasattr(known, "invalidate_caches"):
            known.invalidate_caches()
    sys.path[:0] = roots
    position = next(
        (at for at, entry in enumerate(sys.meta_path) if entry is importlib.machinery.PathFinder), len(sys.meta_path)
    )
    sys.meta_path.insert(position, finder)
