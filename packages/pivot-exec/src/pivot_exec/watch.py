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
import operator
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


class Watch:
    """What `modules`, by name, and `others` hold when this is made; of the built-in functions, which they are."""

    def __init__(self, modules: Mapping[str, types.ModuleType], others: Iterable[object]) -> None:
        self._modules = dict(modules)
        self._globals = {id(vars(module)) for module in modules.values()}
        self._seen: dict[int, object] = {}
        self._links: list[tuple[Any, _Look, list[object]]] = []
        self._dicts: list[dict[Any, Any]] = []
        self._others: list[object] = []
        self._contents: list[tuple[Any, object]] = []
        self._caches: list[tuple[Any, int, int]] = []
        self._bytes = 0
        self._can_tell = True
        self._waiting: list[object] = []
        self._links.append((vars(builtins), _dict_links, _dict_links(vars(builtins))))
        for module in modules.values():
            self._keep(vars(module), _global_links)
        self._waiting += others
        while self._waiting and self._can_tell:
            self._add(self._waiting.pop())
        self._sizes = list(map(len, self._dicts))
        self._dict_links = _all_dict_links(self._dicts)
        self._other_links = gc.get_referents(*self._others)
        self._groups = [_Group(look, [link for link in self._links if link[1] is look]) for look in _TOGETHER]
        self._links = [link for link in self._links if link[1] not in _TOGETHER]

    def changed(self) -> bool:
        """Whether anything is different now, or cannot be told; what functools caches have kept is forgotten."""
        return (
            not self._can_tell
            or any(sys.modules.get(name) is not module for name, module in self._modules.items())
            or any(group.changed() for group in self._groups)
            or not all(_are(look(value), links) for value, look, links in self._links)
            or list(map(len, self._dicts)) != self._sizes
            or not _are(_all_dict_links(self._dicts), self._dict_links)
            or not _are(gc.get_referents(*self._others), self._other_links)
            or any(_content(value) != content for value, content in self._contents)
            or not all(_forget(*cache) for cache in self._caches)
        )

    def _add(self, value: Any) -> None:
        kind = type(value)
        if kind in _ATOMS or id(value) in self._seen or issubclass(kind, _ELSEWHERE):
            return
        self._seen[id(value)] = value
        if len(self._seen) > _MOST_OBJECTS:
            self._can_tell = False
        elif issubclass(kind, type):
            if value.__module__ in self._modules:
                self._keep(value, _class_links)
        elif kind is types.FunctionType:
            if value.__closure__ or id(value.__globals__) in self._globals:
                self._keep(value, _function_links)
                self._dicts += (held for held in (value.__dict__, value.__kwdefaults__) if held is not None)
        elif kind is functools._lru_cache_wrapper:  # noqa: SLF001
            information = value.cache_info()
            self._caches.append((value, information.misses, information.currsize))
            self._waiting += [value.__wrapped__, vars(value)]
        elif str(kind.__module__).partition(".")[0] not in OWN_PACKAGES:
            self._add_instance(value, kind)

    def _add_instance(self, value: Any, kind: type) -> None:
        if kind is dict:
            self._dicts.append(value)
            self._waiting += _dict_links(value)
        elif kind is threading.local:
            self._keep(value, _local_links)
        elif not all(map(_is_transparent, kind.__mro__)):
            self._keep_content(value)
        elif issubclass(kind, dict):
            self._keep(value, _dict_subclass_links)
        else:
            if kind not in _FIXED:
                self._others += (value, _BETWEEN)
            self._waiting += gc.get_referents(value)

    def _keep(self, value: Any, look: _Look) -> None:
        links = look(value)
        self._links.append((value, look, links))
        self._waiting += links

    def _keep_content(self, value: object) -> None:
        try:
            content = _content(value)
        except Exception:  # noqa: BLE001 - whatever a type raises that cannot be pickled: it cannot be compared
            self._can_tell = False
            return
        self._bytes += content[0]
        self._can_tell = self._bytes <= _MOST_BYTES
        self._contents.append((value, content))


class _Group:
    """Objects of one kind that are compared all at once: all that they refer to, what does not count included."""

    def __init__(self, look: _Look, links: list[tuple[Any, _Look, list[object]]]) -> None:
        self._look = _TOGETHER[look]
        self._links = links
        self._values = [value for value, _, _ in links]
        self._all = self._look(self._values)

    def changed(self) -> bool:
        """If not all is the same, each is looked at by itself for what counts."""
        now = self._look(self._values)
        if _are(now, self._all):
            return False
        self._all = now
        return not all(_are(look(value), links) for value, look, links in self._links)


def _are(now: list[object], before: list[object]) -> bool:
    """Whether these are the same objects. Those of before are kept alive, so that no other can take their place."""
    return len(now) == len(before) and all(map(operator.is_, now, before))


def _dict_links(value: dict[Any, Any]) -> list[object]:
    return [*value, *value.values()]


def _all_dict_links(dicts: list[dict[Any, Any]]) -> list[object]:
    """What all of them refer to: for one by one it would take many times as long."""
    return [*itertools.chain.from_iterable(dicts), *itertools.chain.from_iterable(map(dict.values, dicts))]


def _all_class_links(classes: list[type]) -> list[object]:
    spaces = list(map(vars, classes))
    every = itertools.chain.from_iterable
    return [*every(spaces), *every(map(types.MappingProxyType.values, spaces))]


def _all_function_links(functions: list[types.FunctionType]) -> list[object]:
    """The dictionaries among these are compared as such."""
    return gc.get_referents(*itertools.chain.from_iterable(zip(functions, itertools.repeat(_BETWEEN), strict=False)))


def _dict_subclass_links(value: dict[Any, Any]) -> list[object]:
    return [*dict.keys(value), *gc.get_referents(value)]


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


_TOGETHER: dict[_Look, Callable[[list[Any]], list[object]]] = {
    _global_links: _all_dict_links,
    _class_links: _all_class_links,
    _function_links: _all_function_links,
}
