"""Whether a stage changed what the project's modules hold: their globals, and all that can be reached from these.

Objects are asked nothing: what each refers to is compared by identity, as the garbage collector sees it. What that does
not see (the bytes of an array, the state of a random generator) is compared as bytes.
"""

from __future__ import annotations

import _queue
import _thread
import builtins
import functools
import gc
import io
import itertools
import logging
import pickle
import sys
import threading
import types
import typing
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar, Token
from pathlib import PurePath
from typing import Any

import xxhash
from pivot_core.project import OWN_PACKAGES

from pivot_exec import referents
from pivot_exec.referents import Item, Together
from pivot_exec.told import attributes_of, is_apart, space_of, telling

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

_TELLING: dict[type, Callable[[Any], object]] = {  # of what cannot be pickled
    itertools.count: repr,
    _queue.SimpleQueue: _queue.SimpleQueue.qsize,
    _thread._ThreadHandle: _thread._ThreadHandle.is_done,  # noqa: SLF001 - what a Thread is made of
}

_BETWEEN = (object(),)  # where the referents of one object end, and those of the next begin
_AT_ONCE = 1024  # values: of so many, what they refer to still fits into the caches of a processor


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
        self._spaces: dict[int, tuple[dict[Any, Any], Item]] = {}  # by their addresses
        self._functions: list[types.FunctionType] = []
        self._attributes = [Item(module, referents.kind) for module in modules.values()]
        self._items: list[Item] = []
        self._dicts: list[dict[Any, Any]] = []
        self._lists: list[list[Any]] = []
        self._cells: list[types.CellType] = []
        self._others: list[object] = []
        self._contents: list[tuple[Any, object]] = []
        self._caches: list[tuple[Any, int, int]] = []
        self._bytes = 0
        self._can_tell = True
        self._waiting: list[object] = []
        self._keep_space(vars(builtins), Item(vars(builtins), referents.of_dict))
        for module in modules.values():
            self._waiting += self._keep_space(vars(module), Item(vars(module), referents.of_globals))
        self._waiting += others
        while self._waiting and self._can_tell:
            self._add(self._waiting.pop())
        held = [function for function in self._functions if sys.getrefcount(vars(function)) > _OF_ITS_OWN]
        self._items += [Item(function, referents.space) for function in held]
        self._together = [
            Together(some, look, sized=sized)
            for values, look, sized in (
                (self._dicts, referents.of_dicts, True),
                (self._lists, referents.of_all, True),
                (self._cells, referents.of_all, False),
                (self._others, referents.of_all, False),
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
                self._waiting += self._keep(self._attributes, Item(value, referents.of_function))
                if value.__kwdefaults__ is not None:
                    self._add_dict(value.__kwdefaults__)
        elif kind is functools._lru_cache_wrapper:  # noqa: SLF001
            information = value.cache_info()
            self._caches.append((value, information.misses, information.currsize))
            self._waiting += [value.__wrapped__, vars(value)]
        elif str(kind.__module__).partition(".")[0] not in OWN_PACKAGES:
            self._add_instance(value, kind)

    def _add_class(self, value: type) -> None:
        self._attributes.append(Item(value, referents.bases))
        item, space = Item(value, referents.of_class), space_of(value)
        self._waiting += self._keep(self._items, item) if space is None else self._keep_space(space, item)

    def _add_instance(self, value: Any, kind: type) -> None:
        if kind is dict:
            self._add_dict(value)
        elif kind is threading.local:
            self._waiting += self._keep(self._items, Item(value, referents.of_local))
        elif not all(map(_is_transparent, kind.__mro__)):
            self._keep_content(value)
        elif issubclass(kind, dict):
            look = referents.of_ordered_dict if issubclass(kind, OrderedDict) else referents.of_dict_subclass
            self._waiting += self._keep(self._items, Item(value, look))
        else:
            links = gc.get_referents(value)
            self._waiting += links
            if kind.__dictoffset__:
                self._waiting.append(attributes_of(value))  # among the referents are its values, but not their names
            if any(link is referents.NOTHING for link in referents.in_slots(value)):
                self._items.append(Item(value, referents.in_slots))  # the same: a value may move from slot to slot
            if kind is list:
                self._lists.append(value)
            elif kind is types.CellType and links:  # as long as none is empty, each has one
                self._cells.append(value)
            elif kind not in _FIXED:
                self._others += (value, _BETWEEN)

    def _add_dict(self, value: dict[Any, Any]) -> None:
        if is_apart(value):
            self._waiting += self._keep_space(value, Item(value, referents.of_dict))
        else:
            self._dicts.append(value)
            self._waiting += referents.of_dict(value)

    def _keep_space(self, space: dict[Any, Any], item: Item) -> list[object]:
        self._spaces[id(space)] = space, item
        self._told.watch(space)
        return item.links

    @staticmethod
    def _keep(items: list[Item], item: Item) -> list[object]:
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


_OF_ITS_OWN = sys.getrefcount(vars(_content))  # what is counted for a dictionary that only its function refers to
