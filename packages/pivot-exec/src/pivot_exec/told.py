"""What Python tells of changes as they are made, so that what has not changed need not be compared with what it was.

It tells of dictionaries that are watched, those of modules and classes too. And it raises an audit event when the code
or the defaults of a function are set, the bases of a class, or the class of an object. Both are tried once; where this
Python does not tell, `Told` says so, and everything has to be compared.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from collections.abc import Callable
from typing import Any

_OF_DICTS = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_GONE = 5  # the event of a dictionary that is about to be freed
_ATTRIBUTES = ("object.__setattr__", "object.__delattr__")
POINTER = ctypes.sizeof(ctypes.c_void_p)
_pointer_at = ctypes.c_void_p.from_address  # stages may replace it


class Told:
    """What was told in this process and its forks since this was made. A dictionary is told of by its address."""

    def __init__(self) -> None:
        self.dicts: set[int] = set()
        self._armed = dict.fromkeys(_ATTRIBUTES)
        # As this is called for every audit event, it is to be no Python.
        sys.addaudithook(self._armed.pop)
        self._callback = _OF_DICTS(self._note)
        self._api = ctypes.pythonapi
        self._number = self._new_watcher()
        self.tells_of_dicts, self._tells_of_attributes = _try(self)

    def watch(self, space: dict[Any, Any]) -> None:
        """Tell once when this dictionary changes. What was told of it is forgotten."""
        self.dicts.discard(id(space))
        if self._number is not None:
            self._api.PyDict_Watch(self._number, ctypes.py_object(space))

    def rearm(self) -> None:
        """Tell again when an attribute is set."""
        self._armed.update(dict.fromkeys(_ATTRIBUTES))

    @property
    def tells_all(self) -> bool:
        return self.tells_of_dicts and self._tells_of_attributes

    @property
    def attributes(self) -> bool:
        """Whether code, defaults, bases or a class have been set since `rearm`, of whatever."""
        return len(self._armed) < len(_ATTRIBUTES)

    def _new_watcher(self) -> int | None:
        if not hasattr(self._api, "PyDict_AddWatcher"):
            return None
        try:
            number = self._api.PyDict_AddWatcher(self._callback)
        except RuntimeError:  # others have taken all that there are
            return None
        return number if number >= 0 else None

    def _note(self, event: int, place: int, _key: int | None, _value: int | None) -> int:
        self.dicts.add(place)
        if event != _GONE:
            # It is compared now whatever else happens to it, so that a loop which sets a global stays fast.
            self._api.PyDict_Unwatch(self._number, ctypes.c_void_p(place))
        return 0


@functools.cache
def telling() -> Told:
    """That of this process, which listens from the first call on: there can be but few in a Python."""
    return Told()


def space_of(kind: type) -> dict[Any, Any] | None:
    """The dictionary of a class, of which `vars` gives only a view; None if it cannot be had."""
    spaces = gc.get_referents(_view_of(kind))
    return spaces[0] if len(spaces) == 1 and type(spaces[0]) is dict else None


def is_apart(space: dict[Any, Any]) -> bool:
    """Whether a dictionary holds its values itself. Of one that shows the attributes of an instance Python does not
    tell when these are set.
    """
    return _CAN_SEE_VALUES and _values(space) is None


def _values(space: dict[Any, Any]) -> int | None:
    """Where a dictionary has its values, if not beside its keys: the last thing in it."""
    place: int | None = _pointer_at(id(space) + dict.__basicsize__ - POINTER).value
    return place


def attributes_of(value: object) -> dict[str, Any]:
    """The dictionary of an instance that has one: it is made if need be, without asking the instance."""
    space: dict[str, Any] = _attributes_of(value, None)
    return space


class _Scratch:
    value = 1

    def __init__(self) -> None:
        self.other = 1


def _can_see_values() -> bool:
    scratch = _Scratch()
    return _values({}) is None and _values({"a": 1}) is None and _values(vars(scratch)) is not None


def _try(told: Told) -> tuple[bool, bool]:
    """Whether it is told of a class that changes, and of a function."""
    space = space_of(_Scratch)
    if space is not None:
        told.watch(space)
    _Scratch.value += 1
    of_dicts = id(space) in told.dicts
    told.dicts.clear()
    told.rearm()
    _try.__defaults__ = None
    of_attributes = told.attributes
    told.rearm()
    return of_dicts, of_attributes


_view_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__
_attributes_of = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyObject_GenericGetDict", ctypes.pythonapi)
)
_CAN_SEE_VALUES = _can_see_values()
