"""Whose a path is, and on whose behalf it is looked at: what libraries do with their own files does not count."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pivot_core.observation.always import site_directories
from pivot_core.observation.looks import NOT_COUNTED
from pivot_core.project import OWN_PACKAGES, Project

_MACHINE: Final = ("/proc/", "/sys/", "/dev/")
_IMPORT: Final = "<frozen importlib."


class Places:
    """The places of one load of `project`."""

    def __init__(self, project: Project) -> None:
        root = f"{project.root}{os.sep}"
        self._standard = _outside(root, _standard_directories())
        self._libraries = _outside(root, site_directories())
        self._own = _with_separator([_own_directory(name) for name in OWN_PACKAGES])
        self._all = (*self._standard, *self._libraries, *_MACHINE)
        self._no_module_path = (*self._standard, *self._libraries)
        self._pivot = str(project.directory)

    def is_ignored(self, path: str) -> bool:
        """Whether `path` counts for nobody: bytecode, and Pivot's own files."""
        path = _straight(path)
        if path.startswith(self._pivot) and (len(path) == len(self._pivot) or path[len(self._pivot)] == os.sep):
            return True
        return "__pycache__" in path and not NOT_COUNTED.isdisjoint(Path(path).parts)

    def is_library(self, path: str) -> bool:
        """Whether `path` is among the files of Python or of distributions, or is such a directory itself."""
        return f"{_straight(path)}{os.sep}".startswith(self._no_module_path)

    def is_machine(self, path: str) -> bool:
        return _straight(path).startswith(_MACHINE)

    def counts(self, path: str, frame: FrameType | None) -> bool:
        """Whether it counts that the code of `frame` looks at `path`."""
        if self.is_ignored(path):
            return False
        return not f"{_straight(path)}{os.sep}".startswith(self._all) or self.is_user(frame)

    def is_user(self, frame: FrameType | None) -> bool:
        """Whether `frame` works for code that is no library's: the standard library works for who calls it."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(_IMPORT):
                return False
            if not self.is_standard(name):
                return not name.startswith((*self._libraries, *self._own))
            frame = frame.f_back
        return False

    def is_standard(self, filename: str) -> bool:
        """Whether a frame's code is of the standard library, by the name of its file."""
        return filename.startswith("<frozen ") or (
            filename.startswith(self._standard) and not filename.startswith(self._libraries)
        )

    def is_own(self, path: str) -> bool:
        """Whether a source file is Pivot's."""
        return path.startswith(self._own)


def is_import(frame: FrameType) -> bool:
    """Whether a frame is of Python's import system."""
    return frame.f_code.co_filename.startswith(_IMPORT)


def _straight(path: str) -> str:
    """Where a path leads that goes up again: by way of a link, that cannot be told from its text."""
    return os.path.realpath(path) if os.pardir in path else path


def space_of(module: object) -> dict[str, Any]:
    """What a module holds, without waking one that is loaded when it is first used."""
    try:
        space = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return space if isinstance(space, dict) else {}


def _standard_directories() -> list[str]:
    found = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    found.append(str(Path(os.__file__).parent))
    version = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return found + [entry for entry in sys.path if entry.endswith(version)]


def _own_directory(package: str) -> str:
    """Where a package of Pivot is; one that is not imported yet comes with this one."""
    file = getattr(sys.modules.get(package), "__file__", None)
    return str(Path(file).parent if file else Path(__file__).parents[2] / package)


def _outside(root: str, directories: Iterable[str]) -> tuple[str, ...]:
    """`directories`, and where they really are, without those that the project lies in."""
    return tuple(place for place in _with_separator(directories) if not root.startswith(place))


def _with_separator(directories: Iterable[str]) -> tuple[str, ...]:
    both = [place for directory in directories for place in (directory, os.path.realpath(directory))]
    return tuple(dict.fromkeys(f"{place.rstrip(os.sep)}{os.sep}" for place in both))
