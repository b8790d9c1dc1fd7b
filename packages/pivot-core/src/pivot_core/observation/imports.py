"""Which modules are asked for, and which directories Python looks in for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

from pivot_core.observation import looks
from pivot_core.observation.audit import Listener
from pivot_core.project import OWN_PACKAGES


class RecordingFinder:
    """Stands first on sys.meta_path, finds nothing, and notes what is looked for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._recorder = listener.recorder
        self._places = listener.places
        self._asked: set[str] = set()
        self._search_path: tuple[tuple[str, ...], list[str]] = ((), [])

    def start(self) -> None:
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Stop, and note the modules that are nowhere: of these a later one may be in any site directory too."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        missing = [name for name in self._asked if name not in sys.modules]
        for entry in sys.path if missing else ():
            if not self._places.is_standard(entry + os.sep):
                self._recorder.search(_absolute(entry), missing)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the signature is Python's
    ) -> ModuleSpec | None:
        """Nothing; never raises."""
        self._listener.take(self._note, (fullname, path), None)
        return None

    def _note(self, _listener: Listener, asked: tuple[str, Sequence[str] | None], _frame: FrameType | None) -> None:
        fullname, path = asked
        name = fullname.rpartition(".")[2]
        if path is not None:
            directories = self._outside_libraries(path)
        elif name in sys.builtin_module_names or name in OWN_PACKAGES:
            return
        else:
            self._asked.add(name)
            if tuple(sys.path) != self._search_path[0]:
                self._search_path = (tuple(sys.path), self._outside_libraries(sys.path))
            directories = self._search_path[1]
        for directory in directories:
            self._note_in(directory, name)

    def _note_in(self, directory: str, name: str) -> None:
        if looks.look_in(directory, looks.KIND) == "file":  # a zip
            self._recorder.file(directory)
            return
        self._recorder.search(directory, (name,))
        package = f"{directory}{os.sep}{name}"
        if looks.look_in(package, looks.KIND) == "directory":
            self._recorder.search(package, ("__init__",))

    def _outside_libraries(self, entries: Sequence[str]) -> list[str]:
        return [place for place in map(_absolute, entries) if not self._places.is_library(place)]


def _absolute(entry: str) -> str:
    return os.path.abspath(entry)  # noqa: PTH100 - links must stay what they are
