"""Whether a stage changed what modules and classes of libraries hold: Python tells of it, so that nothing is compared.

What a library does with its own globals does not count, such as filling a cache; nor does what comes with an import.
Where this Python does not tell (3.12 is the first that does), nothing is ever found.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import types
from typing import Any

from pivot_core.frozen import is_frozen
from pivot_core.project import OWN_PACKAGES

_MOST_CLASSES = 50_000
# Streams, hooks and the like are reset, built-in functions and the modules of the project are compared.
_ELSEWHERE = OWN_PACKAGES | {"sys", "builtins", "__main__"}
_RESET = frozenset({
    ("tempfile", "tempdir"), ("threading", "excepthook"), ("logging", "raiseExceptions"),
    ("warnings", "showwarning"), ("warnings", "formatwarning"), ("warnings", "filters"),
    ("time", "tzname"), ("time", "timezone"), ("time", "altzone"), ("time", "daylight"),
})  # fmt: skip
_MACHINERY = OWN_PACKAGES | {"importlib", "_frozen_importlib", "_frozen_importlib_external"}
_OF_CLASSES = _MACHINERY | {"abc", "_py_abc", "copyreg", "enum", "functools", "typing"}  # they keep things in classes
_OF_DICTS = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_OF_TYPES = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object)
_frame, _cast, _Module = sys._getframe, ctypes.cast, types.ModuleType  # noqa: SLF001 - stages may replace them


class Patches:
    """Watches all modules that are imported, and those that will be, as long as this process and its forks live."""

    def __init__(self) -> None:
        self._changed = False
        self._known: frozenset[str] = frozenset()
        self._spaces: dict[int, tuple[str, dict[str, Any]]] = {}  # by where they are; they are kept alive
        self._classes: set[type] = set()
        self._all = sys.modules
        api = ctypes.pythonapi
        if not hasattr(api, "PyDict_AddWatcher"):
            return
        self._callbacks = (_OF_DICTS(self._of_dict), _OF_TYPES(self._of_class))
        dicts, classes = api.PyDict_AddWatcher(self._callbacks[0]), api.PyType_AddWatcher(self._callbacks[1])
        if dicts < 0 or classes < 0:
            return
        self._watch_dict = functools.partial(_PROTOTYPE(("PyDict_Watch", api)), dicts)
        self._watch_class = functools.partial(_PROTOTYPE(("PyType_Watch", api)), classes)
        self._watch_dict(self._all)
        for name, module in list(self._all.items()):
            self._watch_module(name, module)

    def begin(self) -> None:
        """Forget what was found: what is there now is as it should be."""
        self._known = frozenset(self._all)
        self._changed = False

    def found(self) -> bool:
        """Whether there was a change since `begin`."""
        return self._changed

    def _watch_module(self, name: str, module: object) -> None:
        if type(module) is not _Module or name.partition(".")[0] in _ELSEWHERE or is_frozen(module):
            return
        space = vars(module)
        if id(space) not in self._spaces:
            self._spaces[id(space)] = (name, space)
            self._watch_dict(space)
            for value in list(space.values()):
                if type(value) is type and value not in self._classes and len(self._classes) < _MOST_CLASSES:
                    self._classes.add(value)
                    self._watch_class(value)

    def _of_dict(self, _event: int, place: int, key: int | None, value: int | None) -> int:
        if not self._changed:
            if place == id(self._all):
                self._of_modules(key, value)
            elif place in self._spaces:
                self._changed = self._matters(*self._spaces[place], key)
        return 0

    def _of_modules(self, key: int | None, value: int | None) -> None:
        name = _object_at(key)
        if name in self._known:
            self._changed = name != "__main__"
        elif value is not None and isinstance(name, str):
            self._watch_module(name, _object_at(value))

    def _matters(self, name: str, space: dict[str, Any], key: int | None) -> bool:
        who = _frame(2).f_globals
        by = _package(who)
        if who is space or by in _MACHINERY or by == name.partition(".")[0]:
            return False
        if getattr(space.get("__spec__"), "_initializing", False):
            return False
        changed = _object_at(key)
        return not (isinstance(changed, str) and (changed.startswith("__") or (name, changed) in _RESET))

    def _of_class(self, changed: type) -> int:
        if not self._changed:
            who = _frame(1).f_globals
            self._changed = who.get("__name__") != changed.__module__ and _package(who) not in _OF_CLASSES
        return 0


_PROTOTYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.py_object)


@functools.cache
def watching() -> Patches:
    """The patches of this process, which are watched from the first call on."""
    return Patches()


def _package(space: dict[str, Any]) -> str:
    return str(space.get("__name__")).partition(".")[0]


def _object_at(place: int | None) -> Any:
    return None if place is None else _cast(place, ctypes.py_object).value
