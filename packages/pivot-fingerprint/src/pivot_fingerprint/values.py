"""Live values → digests: by content where that can be had without running anybody's code, else by type.

Nothing of the project's is called: no repr, no properties, no `__eq__`, `__hash__`, `__getattr__` or `__reduce__`.
Types of distributions and of Python give their state the way they give it to pickle. Sets count whatever their order,
floats by their bits, and text that holds the project's root as if it did not. What has no content of its own (locks,
loggers, handles, connections, iterators) counts by type; so does what exceeds the limits; both are noted.
"""

import enum
import re
import types
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial, partialmethod, singledispatchmethod
from pathlib import PurePath
from typing import Any, Final, Protocol

import xxhash

from pivot_fingerprint.graph import Content, Target
from pivot_fingerprint.instances import encode_instance, module_of, qualified
from pivot_fingerprint.kinds import is_a, is_cached
from pivot_fingerprint.parts import digest_text

MAX_OBJECTS: Final = 1_000_000
MAX_DEPTH: Final = 120
MAX_NAMED: Final = 3
"""How deep the parts of values have names."""
LONG: Final = 32
"""Longer sequences of plain numbers or strings are written in one go."""
_DEFINED: Final = (bool, type, types.FunctionType, types.ModuleType)
_NUMBERS: Final = frozenset({int, float, bool, type(None)})


class Definitions(Protocol):
    """Who knows the project's functions, classes and modules."""

    def of_object(self, value: object) -> Iterable[Target] | None:
        """The definition `value` is found under by its own module and name; None if it is not found there."""
        ...

    def of_module(self, value: types.ModuleType) -> Iterable[Target]: ...

    def add_function(self, function: types.FunctionType, encoder: "Encoder") -> None: ...

    def add_class(self, cls: type, encoder: "Encoder") -> None: ...

    def is_project_type(self, cls: type) -> bool: ...

    def is_ignored(self, value: object) -> bool: ...

    def relative(self, text: str) -> str:
        """`text` with the project's root taken out of it."""
        ...


class TooLargeError(Exception):
    """A value holds more objects than are looked at. What was written of it until then depends on the order of sets."""


class Encoder:
    """Writes values into one node's content."""

    def __init__(self, definitions: Definitions, content: Content) -> None:
        self.definitions: Definitions = definitions
        self.content: Content = content
        self._count = 0
        self._stack: dict[int, int] = {}
        self._path: list[str] = []
        self._done: dict[int, str] = {}
        self._alive: list[object] = []
        self._lowest = 0

    def encode(self, value: object) -> None:
        cls = type(value)
        scalar = _SCALARS.get(cls)
        self._count += 1
        if self._count > MAX_OBJECTS:
            raise TooLargeError
        if scalar is not None:
            self.content.add(cls.__name__, scalar(value))
        elif cls is str:
            self.content.add("str", self.definitions.relative(str(value)))
        else:
            self._encode_compound(value, cls)

    def hold(self, part: str, value: object) -> bool:
        """Write a part of the value at hand, unless it is volatile; say whether it was written.

        Parts have names as far down as there is nothing without a name above them.
        """
        if len(self._path) + 1 != len(self._stack) or len(self._path) >= MAX_NAMED:
            self.encode(value)
            return True
        self._path.append(part)
        try:
            is_value = value is not None and not issubclass(type(value), _DEFINED)
            return self.content.hold("".join(self._path), lambda: self.encode(value), is_value=is_value)
        finally:
            self._path.pop()

    def _encode_compound(self, value: object, cls: type) -> None:
        identity = id(value)
        content = self.content
        if identity in self._done:
            content.add(self._done[identity])
            return
        if identity in self._stack:
            depth = self._stack[identity]
            self._lowest = min(self._lowest, depth)
            content.add("cycle", str(len(self._stack) - depth))
            return
        if len(self._stack) > MAX_DEPTH:
            self.opaque(cls, "cut: nested too deeply")
            return
        depth = len(self._stack)
        outer_lowest, self._lowest = self._lowest, depth
        self._stack[identity] = depth
        start = len(content.tokens)
        try:
            self._encode_content(value, cls)
        except TooLargeError:
            raise
        except Exception as error:  # noqa: BLE001 # whatever a stranger's object raises, it counts by its type then
            del content.tokens[start:]
            self.opaque(cls, f"{type(error).__name__} while it was read")
        del self._stack[identity]
        digest = digest_text(content.tokens[start:])
        content.tokens[start:] = [digest]
        if self._lowest >= depth:
            self._done[identity] = digest
            self._alive.append(value)
        self._lowest = min(outer_lowest, self._lowest)

    def opaque(self, cls: type, why: str) -> None:
        """Count a value by the name of its type, and note why."""
        name = f"{module_of(cls)}.{qualified(cls)}"
        self.content.is_opaque = True
        self.content.add("opaque", name)
        self.content.note(f"{name}: {why}")

    # -- by kind ------------------------------------------------------------------------------------------------

    def _encode_content(self, value: Any, cls: type) -> None:
        content = self.content
        container = _CONTAINERS.get(cls)
        if container is not None:
            content.add(cls.__name__)
            container(self, value)
        elif cls is types.ModuleType or issubclass(cls, types.ModuleType):
            content.add("module")
            content.link("", self.definitions.of_module(value))
        elif self.definitions.is_ignored(value):
            content.add("ignored")
        elif issubclass(cls, type):
            self.encode_class(value)
        elif cls is types.FunctionType:
            self._encode_function(value)
        elif cls is types.MethodType and self._encode_named(value):
            pass
        elif cls is types.MethodType:
            content.add("method")
            self.encode(value.__func__)
            self.hold(", its object", value.__self__)
        elif cls in _CALLABLES:
            content.add(cls.__name__)
            for item in _CALLABLES[cls](value):
                self.encode(item)
        elif is_cached(value):
            self._encode_cached(value)
        elif cls is types.BuiltinFunctionType or cls is types.MethodWrapperType:
            self._encode_builtin(value)
        elif issubclass(cls, enum.Enum):
            self.encode_class(cls)
            content.add("member", str(value._name_))
        elif cls is re.Pattern:
            content.add("pattern", str(value.flags))
            self.encode(value.pattern)
        elif issubclass(cls, PurePath):
            content.add("path", self.definitions.relative(str(value)))
        else:
            encode_instance(self, value, cls)

    def encode_items(self, values: Iterable[object]) -> None:
        for value in values:
            self.encode(value)

    def encode_sequence(self, value: Any) -> None:
        self.content.add(str(len(value)))
        if len(value) > LONG:
            kinds = set(map(type, value))
            if kinds <= _NUMBERS:
                self.content.add("numbers", repr(value))
                return
            if kinds == {str}:
                self.content.add("strings", self.definitions.relative(repr(value)))
                return
            self.encode_items(value)
            return
        for index, item in enumerate(value):
            self.hold(f"[{index}]", item)

    def encode_mapping(self, value: Mapping[object, object]) -> None:
        if len(value) > LONG:
            self.encode_sequence(list(value.keys()))
            self.encode_sequence(list(value.values()))
            return
        for key, item in value.items():
            self.encode(key)
            if type(key) is str:
                self.hold(f"[{key!r}]", item)
            else:
                self.encode(item)

    def encode_partial(self, value: Any) -> None:
        self.encode(value.func)
        for index, item in enumerate(value.args):
            self.hold(f", argument {index}", item)
        for name, item in value.keywords.items():
            self.content.add(name)
            self.hold(f", argument {name}", item)

    def encode_set(self, value: Iterable[object]) -> None:
        digests = []
        for item in value:
            start = len(self.content.tokens)
            self.encode(item)
            digests.append(digest_text(self.content.tokens[start:]))
            del self.content.tokens[start:]
        self.content.add(*sorted(digests))

    def encode_buffer(self, value: Any) -> None:
        self.content.add(xxhash.xxh3_128_hexdigest(value))

    def encode_class(self, cls: type) -> None:
        if self._encode_named(cls, "class"):
            return
        if self.definitions.is_project_type(cls):
            self.definitions.add_class(cls, self)
        else:
            self.content.add("type", f"{module_of(cls)}.{qualified(cls)}")

    def _encode_function(self, value: types.FunctionType) -> None:
        if not self._encode_named(value):
            self.definitions.add_function(value, self)

    def _encode_named(self, value: object, kind: str = "function") -> bool:
        """Write a function or class as the definition that it is found under, if there is one."""
        targets = self.definitions.of_object(value)
        if targets is not None:
            targets = tuple(targets)
            self.content.link(kind, targets)
            self.content.hold_definitions(targets)
        return targets is not None

    def _encode_cached(self, value: Any) -> None:
        if self._encode_named(value):
            return
        self.content.add("cached")
        self.encode(value.cache_parameters())
        self.encode(value.__wrapped__)

    def _encode_builtin(self, value: Any) -> None:
        if self._encode_named(value):
            return
        self.content.add("builtin", str(value.__module__ if hasattr(value, "__module__") else ""), value.__qualname__)
        if not (value.__self__ is None or is_a(value.__self__, types.ModuleType)):
            self.encode(value.__self__)


def _exact_float(value: Any) -> str:
    return "nan" if value != value else float.hex(value)


_SCALARS: Final[dict[type, Callable[[Any], str]]] = {
    type(None): repr,
    bool: repr,
    int: hex,
    float: _exact_float,
    complex: lambda value: _exact_float(value.real) + _exact_float(value.imag),
    type(...): repr,
    type(NotImplemented): repr,
    range: repr,
}

_CONTAINERS: Final[dict[type, Callable[[Encoder, Any], None]]] = {
    list: Encoder.encode_sequence,
    tuple: Encoder.encode_sequence,
    dict: Encoder.encode_mapping,
    types.MappingProxyType: Encoder.encode_mapping,
    set: Encoder.encode_set,
    frozenset: Encoder.encode_set,
    partial: Encoder.encode_partial,
    bytes: Encoder.encode_buffer,
    bytearray: Encoder.encode_buffer,
    slice: lambda encoder, value: encoder.encode_items((value.start, value.stop, value.step)),
}

_CALLABLES: Final[dict[type, Callable[[Any], tuple[object, ...]]]] = {
    partialmethod: lambda value: (value.func, value.args, value.keywords),
    staticmethod: lambda value: (value.__func__,),
    classmethod: lambda value: (value.__func__,),
    property: lambda value: (value.fget, value.fset, value.fdel),
    cached_property: lambda value: (value.func,),
    singledispatchmethod: lambda value: (value.func, value.dispatcher),
    types.GenericAlias: lambda value: (value.__origin__, value.__args__),
    types.UnionType: lambda value: (value.__args__,),
}
