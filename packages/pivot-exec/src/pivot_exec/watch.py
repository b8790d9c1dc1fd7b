"""Whether a stage changed what the project's modules hold: their globals, and all that can be reached from these.

Objects are asked nothing: what each refers to is compared by identity, as the garbage collector sees it. What that does
not see (the bytes of an array, the state of a random generator) is compared as bytes.
"""

from __future__ import annotations

import _queue
import _thread
import builtins
import ctypes
import functools
import gc
import io
import itertools
import logging
import operator
import pickle
import sys
import threading
import types
import typing
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from pathlib import PurePath
from typing import Any

import xxhash
from pivot_core.project import OWN_PACKAGES

from pivot_exec.told import POINTER, attributes_of, is_apart, space_of, telling

_MOST_OBJECTS = 200_000
_MOST_BYTES = 64 << 20
_ATOMS = frozenset({int, str, bytes, float, complex, bool, type(None), type(...), type(NotImplemented), range, slice})
_ELSEWHERE = (  # kept apart, or nothing that a stage could change
    types.ModuleType,
    types.CodeType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.FrameType,
    _thread.LockType,
    _thread.RLock,
    weakref.ReferenceType,
    weakref.ProxyType,
    weakref.CallableProxyType,
    PurePath,  # immutable, but for what it remembers of itself
    ContextVar,
    Token,
    logging.Logger,
    logging.Handler,
)
_FIXED = frozenset({tuple, frozenset, types.MethodType})  # they refer to the same objects as long as they live
_TRANSPARENT = frozenset({
    object, dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict, property, staticmethod, classmethod,
    functools.partial, functools.partialmethod, types.MethodType, types.CellType, types.MappingProxyType,
    types.SimpleNamespace, types.BuiltinFunctionType, types.MethodWrapperType, types.GenericAlias, types.UnionType,
    typing.Generic, typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple, typing.TypeAliasType,
})  # fmt: skip
_UNTOLD_GLOBALS = frozenset({
    "__builtins__", "__warningregistry__", "__annotations__", "__cached__", "__spec__", "__loader__",
})  # fmt: skip
_UNTOLD_IN_CLASSES = frozenset({
    "__dict__", "__weakref__", "__doc__", "_abc_impl", "__annotations__", "__annotations_cache__", "__annotate_func__",
})  # fmt: skip

_TELLING: dict[type, Callable[[Any], object]] = {  # of what cannot be pickled
    itertools.count: repr,
    _queue.SimpleQueue: _queue.SimpleQueue.qsize,
    _thread._ThreadHandle: _thread._ThreadHandle.is_done,  # noqa: SLF001 - what a Thread is made of
}

type _Look = Callable[[Any], list[object]]

_BETWEEN = (object(),)  # where the referents of one object end, and those of the next begin
_NOTHING = object()
_AT_ONCE = 1024  # values: of so many, what they refer to still fits into the caches of a processor
_ITEMS = tuple.__basicsize__  # where a tuple has its items: the addresses of objects


class Watch:
    """What `modules`, by name, and `others` hold when this is made; of the built-in functions, which they are.

    There may be as many globals, functions, classes and dictionaries as there are stages: they are compared only once
    Python has told that they changed. Lists, sets, closures' cells and instances are compared each time. One such watch
    is right at a time in a process, those in forks apart.
    """

    def __init__(self, modules: Mapping[str, types.ModuleType], others: Iterable[object]) -> None:
        self._modules = dict(modules)
        self._globals = {id(vars(module)) for module in modules.values()}
        self._told = telling()
        self._seen: dict[int, object] = {}
        self._spaces: dict[int, tuple[dict[Any, Any], _Item]] = {}  # by their addresses
        self._functions: list[types.FunctionType] = []
        self._attributes = [_Item(module, _class_of) for module in modules.values()]
        self._items: list[_Item] = []
        self._dicts: list[dict[Any, Any]] = []
        self._lists: list[list[Any]] = []
        self._cells: list[types.CellType] = []
        self._others: list[object] = []
        self._contents: list[tuple[Any, object]] = []
        self._caches: list[tuple[Any, int, int]] = []
        self._bytes = 0
        self._can_tell = True
        self._waiting: list[object] = []
        self._keep_space(vars(builtins), _Item(vars(builtins), _dict_links))
        for module in modules.values():
            self._waiting += self._keep_space(vars(module), _Item(vars(module), _global_links))
        self._waiting += others
        while self._waiting and self._can_tell:
            self._add(self._waiting.pop())
        held = [function for function in self._functions if sys.getrefcount(vars(function)) > _OF_ITS_OWN]
        self._items += [_Item(function, _space_of_function) for function in held]
        self._together = [
            _Together(some, look, sized=sized)
            for values, look, sized in (
                (self._dicts, _all_dict_links, True),
                (self._lists, _referents, True),
                (self._cells, _referents, False),
                (self._others, _referents, False),
            )
            for some in itertools.batched(values, _AT_ONCE, strict=False)
        ]
        self._function_spaces = self._watch_functions()
        self._told.rearm()

    def changed(self) -> bool:
        """Whether anything is different now, or cannot be told; what functools caches have kept is forgotten."""
        return (
            not self._can_tell
            or any(sys.modules.get(name) is not module for name, module in self._modules.items())
            or self._attributes_changed()
            or self._spaces_changed()
            or any(together.changed() for together in self._together)
            or any(item.changed() for item in self._items)
            or any(_content(value) != content for value, content in self._contents)
            or not all(_forget(*cache) for cache in self._caches)
        )

    def _attributes_changed(self) -> bool:
        """Whether functions are not what they were, or the classes of modules, or the bases of classes."""
        of_functions = not self._told.dicts.isdisjoint(self._function_spaces)
        if not of_functions and not self._told.attributes and self._told.tells_all:
            return False
        if any(item.changed() for item in self._attributes):
            return True
        if of_functions:
            self._function_spaces = self._watch_functions()
        self._told.rearm()
        return False

    def _spaces_changed(self) -> bool:
        told = [place for place in self._told.dicts if place in self._spaces]
        for place in told if self._told.tells_all else self._spaces:
            space, item = self._spaces[place]
            if item.changed():
                return True
            self._told.watch(space)
        return False

    def _add(self, value: Any) -> None:
        kind = type(value)
        if kind in _ATOMS or id(value) in self._seen or issubclass(kind, _ELSEWHERE):
            return
        self._seen[id(value)] = value
        if len(self._seen) > _MOST_OBJECTS:
            self._can_tell = False
        elif issubclass(kind, type):
            if value.__module__ in self._modules:
                self._add_class(value)
        elif kind is types.FunctionType:
            if value.__closure__ or id(value.__globals__) in self._globals:
                self._functions.append(value)
                self._waiting += self._keep(self._attributes, _Item(value, _function_links))
                if value.__kwdefaults__ is not None:
                    self._add_dict(value.__kwdefaults__)
        elif kind is functools._lru_cache_wrapper:  # noqa: SLF001
            information = value.cache_info()
            self._caches.append((value, information.misses, information.currsize))
            self._waiting += [value.__wrapped__, vars(value)]
        elif str(kind.__module__).partition(".")[0] not in OWN_PACKAGES:
            self._add_instance(value, kind)

    def _add_class(self, value: type) -> None:
        self._attributes.append(_Item(value, _bases_of))
        item, space = _Item(value, _class_links), space_of(value)
        self._waiting += self._keep(self._items, item) if space is None else self._keep_space(space, item)

    def _add_instance(self, value: Any, kind: type) -> None:
        if kind is dict:
            self._add_dict(value)
        elif kind is threading.local:
            self._waiting += self._keep(self._items, _Item(value, _local_links))
        elif not all(map(_is_transparent, kind.__mro__)):
            self._keep_content(value)
        elif issubclass(kind, dict):
            look = _ordered_dict_links if issubclass(kind, OrderedDict) else _dict_subclass_links
            self._waiting += self._keep(self._items, _Item(value, look))
        else:
            referents = gc.get_referents(value)
            self._waiting += referents
            if kind.__dictoffset__:
                self._waiting.append(attributes_of(value))  # among the referents are its values, but not their names
            if any(link is _NOTHING for link in _slot_links(value)):
                self._items.append(_Item(value, _slot_links))  # the same: a value may move from slot to slot
            if kind is list:
                self._lists.append(value)
            elif kind is types.CellType and referents:  # as long as none is empty, each has one
                self._cells.append(value)
            elif kind not in _FIXED:
                self._others += (value, _BETWEEN)

    def _add_dict(self, value: dict[Any, Any]) -> None:
        if is_apart(value):
            self._waiting += self._keep_space(value, _Item(value, _dict_links))
        else:
            self._dicts.append(value)
            self._waiting += _dict_links(value)

    def _keep_space(self, space: dict[Any, Any], item: _Item) -> list[object]:
        self._spaces[id(space)] = space, item
        self._told.watch(space)
        return item.links

    @staticmethod
    def _keep(items: list[_Item], item: _Item) -> list[object]:
        items.append(item)
        return item.links

    def _watch_functions(self) -> set[int]:
        """Where the dictionaries of functions are. They are not kept: that one is freed, when its function is given
        another, is told. Those that somebody else keeps are among the items."""
        for function in self._functions:
            self._told.watch(vars(function))
        return {id(vars(function)) for function in self._functions}

    def _keep_content(self, value: object) -> None:
        try:
            content = _content(value)
        except Exception:  # noqa: BLE001 - whatever a type raises that cannot be pickled: it cannot be compared
            self._can_tell = False
            return
        self._bytes += content[0]
        self._can_tell = self._bytes <= _MOST_BYTES
        self._contents.append((value, content))


class _Item:
    """A value, with the objects that it refers to."""

    def __init__(self, value: Any, look: _Look) -> None:
        self._value = value
        self._look = look
        self.links = look(value)

    def changed(self) -> bool:
        now = self._look(self._value)
        return len(now) != len(self.links) or not all(map(operator.is_, now, self.links))


class _Together:
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


def _referents(values: Sequence[Any]) -> list[object]:
    return gc.get_referents(*values)


def _dict_links(value: dict[Any, Any]) -> list[object]:
    return [*value, *value.values()]


def _all_dict_links(dicts: Sequence[dict[Any, Any]]) -> list[object]:
    """What all of them refer to: for one by one it would take many times as long."""
    return [*itertools.chain.from_iterable(dicts), *itertools.chain.from_iterable(map(dict.values, dicts))]


def _space_of_function(value: types.FunctionType) -> list[object]:
    return [vars(value)]


def _class_of(value: object) -> list[object]:
    return [type(value)]


def _bases_of(value: type) -> list[object]:
    return [type(value), *_bases(value)]


def _dict_subclass_links(value: dict[Any, Any]) -> list[object]:
    return [*dict.keys(value), *gc.get_referents(value)]


def _ordered_dict_links(value: OrderedDict[Any, Any]) -> list[object]:
    return [*OrderedDict.keys(value), *_dict_subclass_links(value)]


def _slot_links(value: object) -> list[object]:
    kind: type = type(value)
    return [_in_slot(slot, value) for slot in _slots_of(kind)]


def _in_slot(slot: types.MemberDescriptorType, value: object) -> object:
    try:
        return slot.__get__(value)
    except AttributeError:
        return _NOTHING


@functools.cache
def _slots_of(kind: type) -> tuple[types.MemberDescriptorType, ...]:
    """Those of classes written in Python."""
    spaces = [vars(base) for base in kind.__mro__ if "__slots__" in vars(base)]
    return tuple(slot for space in spaces for slot in space.values() if type(slot) is types.MemberDescriptorType)


def _local_links(value: threading.local) -> list[object]:
    return _dict_links(vars(value))


def _global_links(value: dict[str, Any]) -> list[object]:
    return [item for pair in value.items() if pair[0] not in _UNTOLD_GLOBALS for item in pair]


def _class_links(value: type) -> list[object]:
    return [item for pair in vars(value).items() if pair[0] not in _UNTOLD_IN_CLASSES for item in pair]


def _function_links(value: types.FunctionType) -> list[object]:
    return [
        value.__code__,
        *(value.__defaults__ or ()),
        *(value.__kwdefaults__ or {}).values(),
        *(value.__closure__ or ()),
        *_dict_links(value.__dict__),
    ]


@functools.cache
def _is_transparent(kind: type) -> bool:
    """Whether all that instances hold by being of this class is what they refer to: it is written in Python, say."""
    if kind in _TRANSPARENT or "__static_attributes__" in vars(kind):
        return True
    return (issubclass(kind, tuple) and hasattr(kind, "_fields")) or (
        issubclass(kind, BaseException) and kind.__module__ == "builtins"
    )


def _content(value: Any) -> tuple[int, object]:
    """The number of bytes that a value holds out of sight, and a digest of them. Raises what pickling raises."""
    tell = _TELLING.get(type(value))
    if tell is not None:
        return 0, tell(value)
    if isinstance(value, io.TextIOWrapper) and value.fileno() <= 2:
        return 0, None  # each stage has streams of its own
    data, form = value, None
    try:
        view = memoryview(value)
    except TypeError:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    else:
        form = view.readonly, view.format, view.shape, view.strides
        data = view if view.c_contiguous and view.format != "O" else pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return memoryview(data).nbytes, (form, xxhash.xxh3_128_intdigest(data))


def _forget(cache: Any, misses: int, size: int) -> bool:
    """Bring a functools cache back to what it was; whether that was possible."""
    information = cache.cache_info()
    if (information.misses, information.currsize) == (misses, size):
        return True
    cache.cache_clear()
    return size == 0


_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__bases__"].__get__
_string_at = ctypes.string_at
_OF_ITS_OWN = sys.getrefcount(vars(_class_of))  # what is counted for a dictionary that only its function refers to
