"""What objects refer to, compared by identity: of each kind of object what counts, without asking the object."""

from __future__ import annotations

import ctypes
import functools
import gc
import itertools
import operator
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from pivot_exec.told import POINTER

_UNTOLD_GLOBALS = frozenset({
    "__builtins__", "__warningregistry__", "__annotations__", "__cached__", "__spec__", "__loader__",
})  # fmt: skip
_UNTOLD_IN_CLASSES = frozenset({
    "__dict__", "__weakref__", "__doc__", "_abc_impl", "__annotations__", "__annotations_cache__", "__annotate_func__",
})  # fmt: skip

type Look = Callable[[Any], list[object]]

NOTHING = object()  # in a slot that is empty
_ITEMS = tuple.__basicsize__  # where a tuple has its items: the addresses of objects


class Item:
    """A value, with the objects that it refers to."""

    def __init__(self, value: Any, look: Look) -> None:
        self._value = value
        self._look = look
        self.links = look(value)

    def changed(self) -> bool:
        now = self._look(self._value)
        return len(now) != len(self.links) or not all(map(operator.is_, now, self.links))


class Together:
    """Values that are compared all at once by the objects that they refer to. These are kept alive, so that no other
    can be where one was. `sized`: where each ends is told by its length.
    """

    def __init__(self, values: Sequence[Any], look: Callable[[Sequence[Any]], list[object]], *, sized: bool) -> None:
        self._values = values
        self._look = look
        self._sizes = list(map(len, values)) if sized else None
        self._links = look(values)
        self._addresses = _addresses(self._links)

    def changed(self) -> bool:
        if self._sizes is not None and list(map(len, self._values)) != self._sizes:
            return True
        return _addresses(self._look(self._values)) != self._addresses


def _addresses(items: list[object]) -> bytes:
    """Where objects are. `is`, asked for one after another, takes ten times as long."""
    kept = tuple(items)
    return _string_at(id(kept) + _ITEMS, len(kept) * POINTER)


def of_all(values: Sequence[Any]) -> list[object]:
    return gc.get_referents(*values)


def of_dict(value: dict[Any, Any]) -> list[object]:
    return [*value, *value.values()]


def of_dicts(dicts: Sequence[dict[Any, Any]]) -> list[object]:
    """What all of them refer to: for one by one it would take many times as long."""
    return [*itertools.chain.from_iterable(dicts), *itertools.chain.from_iterable(map(dict.values, dicts))]


def space(value: types.FunctionType) -> list[object]:
    return [vars(value)]


def kind(value: object) -> list[object]:
    return [type(value)]


def bases(value: type) -> list[object]:
    return [type(value), *_bases(value)]


def of_dict_subclass(value: dict[Any, Any]) -> list[object]:
    return [*dict.keys(value), *gc.get_referents(value)]


def of_ordered_dict(value: OrderedDict[Any, Any]) -> list[object]:
    return [*OrderedDict.keys(value), *of_dict_subclass(value)]


def in_slots(value: object) -> list[object]:
    kind: type = type(value)
    return [_in_slot(slot, value) for slot in _slots_of(kind)]


def _in_slot(slot: types.MemberDescriptorType, value: object) -> object:
    try:
        return slot.__get__(value)
    except AttributeError:
        return NOTHING


@functools.cache
def _slots_of(kind: type) -> tuple[types.MemberDescriptorType, ...]:
    """Those of classes written in Python."""
    spaces = [vars(base) for base in kind.__mro__ if "__slots__" in vars(base)]
    return tuple(slot for space in spaces for slot in space.values() if type(slot) is types.MemberDescriptorType)


def of_local(value: threading.local) -> list[object]:
    return of_dict(vars(value))


def of_globals(value: dict[str, Any]) -> list[object]:
    return [item for pair in value.items() if pair[0] not in _UNTOLD_GLOBALS for item in pair]


def of_class(value: type) -> list[object]:
    return [item for pair in vars(value).items() if pair[0] not in _UNTOLD_IN_CLASSES for item in pair]


def of_function(value: types.FunctionType) -> list[object]:
    return [
        value.__code__,
        *(value.__defaults__ or ()),
        *(value.__kwdefaults__ or {}).values(),
        *(value.__closure__ or ()),
        *of_dict(value.__dict__),
    ]


_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__bases__"].__get__
_string_at = ctypes.string_at
