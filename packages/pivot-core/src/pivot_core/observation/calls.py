"""Calls of `os` of which Python tells nobody: they are replaced while a pipeline is loaded.

What stands in for a function answers as the function does, also when asked what it is, since modules compare functions
or keep them: `os.stat in os.supports_fd`. One that somebody kept is the function itself once loading is over.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from types import FrameType, ModuleType
from typing import Any, Final

from pivot_core.observation import looks
from pivot_core.observation.audit import Listener, absolute, note_open
from pivot_core.observation.places import space_of

type _Note = Callable[[Listener, tuple[Any, ...], dict[str, Any], FrameType], None]

_KIND_ONLY: Final = frozenset(
    (
        *("exists", "isfile", "isdir", "lexists", "islink", "ismount", "is_file", "is_dir", "is_symlink", "is_mount"),
        *("realpath", "_realpath_impl", "resolve", "glob", "iglob", "rglob", "_glob", "walk", "_walk"),
        *("makedirs", "mkdir", "updatecache", "checkcache", "which", "_access_check"),
    )
)
"""Functions of the standard library that tell their caller no more of a stat than what kind of thing is there."""
_PATH_MODULES: Final = frozenset({"genericpath", "posixpath", "pathlib"})
_GENERIC_PATH: Final = os.path.getsize.__code__.co_filename
_METADATA: Final = "importlib/metadata/__init__.py"


class Calls:
    """Replaces the functions; `stop` puts them back."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._replaced: list[tuple[ModuleType, str, Any, _StandIn]] = []
        self._with_other_os: list[ModuleType] = []

    def start(self) -> None:
        import _posixsubprocess

        for name, note in _NOTES.items():
            self._replace(os, name, note)
        self._replace(_posixsubprocess, "fork_exec", _fork_exec)

    def stop(self) -> None:
        self._put_back()
        for *_, stand_in in self._replaced:
            stand_in.is_active = False
        for module in self._with_other_os:
            vars(module)["os"] = os

    def leave(self, modules: Iterable[ModuleType]) -> None:
        """From now on only what goes by way of os.path and pathlib is noted: `os` is itself again, and so is what
        `modules` took of it by name (`from os import stat`)."""
        self._put_back()
        other = _Os("os")
        vars(other).update({name: stand_in for module, name, _, stand_in in self._replaced if module is os})
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _PATH_MODULES and space_of(module).get("os") is os:
                space_of(module)["os"] = other
                self._with_other_os.append(module)
        for module in modules:
            space = space_of(module)
            for name, value in list(space.items()):
                if type(value) is _StandIn:
                    space[name] = value.original

    def _put_back(self) -> None:
        for module, name, original, stand_in in self._replaced:
            if vars(module).get(name) is stand_in:
                setattr(module, name, original)

    def _replace(self, module: ModuleType, name: str, note: _Note) -> None:
        original = getattr(module, name, None)
        if original is None:
            return
        stand_in = _StandIn(original, note, self._listener)
        setattr(module, name, stand_in)
        self._replaced.append((module, name, original, stand_in))


class _Os(ModuleType):
    """`os` for a module that looks functions up in it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class _StandIn:
    """Calls a built-in function, and notes it. No descriptor, as a built-in function is none."""

    def __init__(self, original: Callable[..., Any], note: _Note, listener: Listener) -> None:
        functools.update_wrapper(self, original)
        self.original = original
        self.is_active = True
        self._note = note
        self._listener = listener

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if self.is_active:
            self._listener.take(self._take, (arguments, keywords), sys._getframe(1))  # noqa: SLF001 - who called
        return self.original(*arguments, **keywords)

    def _take(self, listener: Listener, given: tuple[Any, ...], frame: FrameType | None) -> None:
        if frame is not None:
            arguments, keywords = given
            self._note(listener, arguments, keywords, frame)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def __eq__(self, other: object) -> bool:
        return other is self or self.original == other

    def __hash__(self) -> int:
        return hash(self.original)

    def __repr__(self) -> str:
        return repr(self.original)


def _stat(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:
    follows = keywords.get("follow_symlinks", True)
    is_size = frame.f_code.co_filename == _GENERIC_PATH and frame.f_code.co_name == "getsize"
    hows = (looks.KIND, looks.SIZE if is_size else looks.STAT) if follows else (looks.LINK, looks.LSTAT)
    _look(listener, arguments, keywords, frame, hows)


def _lstat(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:
    _look(listener, arguments, keywords, frame, (looks.LINK, looks.LSTAT))


def _readlink(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:
    _look(listener, arguments, keywords, frame, (looks.LINK, looks.LINK))


def _access(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:
    mode = arguments[1] if len(arguments) > 1 else keywords.get("mode", os.F_OK)
    how = f"{looks.ACCESS}{mode:o}"
    _look(listener, arguments, keywords, frame, (how, how))


def _look(
    listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType, hows: tuple[str, str]
) -> None:
    """Note a look; `hows` are the way that tells the kind alone, and the one that tells all."""
    path = absolute(arguments[0] if arguments else keywords.get("path"), keywords.get("dir_fd"))
    if path is None or not listener.places.counts(path, frame):
        return
    if frame.f_code.co_filename.endswith(_METADATA):
        return
    listener.recorder.look(path, hows[not _asks_for_kind(listener, frame)])


def _asks_for_kind(listener: Listener, frame: FrameType | None) -> bool:
    while frame is not None and listener.places.is_standard(frame.f_code.co_filename):
        if frame.f_code.co_name in _KIND_ONLY:
            return True
        frame = frame.f_back
    return frame is not None and listener.places.is_own(frame.f_code.co_filename)


def _open(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:
    """What is opened relative to a directory's descriptor; the rest Python tells of."""
    directory = keywords.get("dir_fd")
    if directory is None:
        return
    path = absolute(arguments[0] if arguments else keywords.get("path"), directory)
    flags = arguments[1] if len(arguments) > 1 else keywords.get("flags", os.O_RDONLY)
    if path is not None and listener.places.counts(path, frame):
        note_open(listener, path, flags, frame)


def _fork_exec(listener: Listener, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: FrameType) -> None:  # noqa: ARG001 - as all notes
    listener.recorder.fail("the pipeline starts a process while it is loaded")


_NOTES: Final[dict[str, _Note]] = {
    "stat": _stat,
    "fstat": _stat,
    "lstat": _lstat,
    "readlink": _readlink,
    "access": _access,
    "open": _open,
}
