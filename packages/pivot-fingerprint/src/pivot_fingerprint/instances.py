"""Instances → digests: their type, and their state as they hold it or as their type gives it to pickle."""

import os
import struct
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from pivot_fingerprint.frames import frame_content

if typing.TYPE_CHECKING:
    from pivot_fingerprint.values import Encoder

_MISSING: Final = object()
_PROTOCOL: Final = 4
"""Of pickle: older ones leave things out, such as the `fold` of a time, and newer ones keep buffers apart."""
_POINTER: Final = struct.calcsize("P")
_TYPE_VARIABLES: Final = (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)

_OPAQUE_MODULES: Final = frozenset(
    {"_asyncio", "_contextvars", "_queue", "_socket", "_thread", "_weakref", "_weakrefset", "asyncio", "concurrent",
     "http", "joblib", "logging", "mmap", "multiprocessing", "pivot_fingerprint", "queue", "select", "selectors",
     "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib3", "weakref"}
)  # fmt: skip
_OPAQUE_TYPES: Final = (
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.FrameType,
    types.TracebackType,
)


def encode_instance(encoder: "Encoder", value: object, cls: type) -> None:
    """Write an instance of `cls` that no other rule is for."""
    module = module_of(cls)
    if module == "_contextvars" and cls.__name__ == "ContextVar":
        _encode_context_variable(encoder, value)
        return
    is_running = module.partition(".")[0] in _OPAQUE_MODULES or cls is type(os.environ)
    if is_running or issubclass(cls, _OPAQUE_TYPES) or _is_handle(cls):
        encoder.encode_class(cls)
        encoder.opaque(cls, "by its type")
        return
    is_own = encoder.definitions.is_project_type(cls)
    if not is_own:
        frame = frame_content(value, module)
        if frame is not None:
            encoder.content.add("content", f"{module}.{cls.__qualname__}")
            encoder.encode_class(cls)
            encoder.encode_items(frame)
            return
    encoder.content.add("instance")
    encoder.encode_class(cls)
    held = _encode_builtin_base(encoder, value)
    if not is_own and not held and _encode_reduced(encoder, value, cls):
        return
    start, was_opaque = len(encoder.content.tokens), encoder.content.is_opaque
    state = instance_state(value, cls)
    if not held and has_hidden_state(cls):
        if not (is_own and _encode_inherited(encoder, value, cls)):
            encoder.opaque(cls, "by its type")
    elif state is None and not held and not is_own:
        encoder.opaque(cls, "by its type")
        return
    for name in sorted(state or {}):
        encoder.content.add("." + name)
        if is_own:
            encoder.hold("." + name, (state or {})[name])
        else:
            encoder.encode((state or {})[name])
    if not is_own and not was_opaque and encoder.content.is_opaque:
        # What holds a lock or a handle is a running thing: the rest of its state is of the moment as well.
        del encoder.content.tokens[start:]


def _encode_context_variable(encoder: "Encoder", value: Any) -> None:
    encoder.content.add("context variable", value.name)
    try:
        encoder.encode(value.get())
    except LookupError:
        encoder.content.add("unset")


def _encode_builtin_base(encoder: "Encoder", value: object) -> bool:
    """What an instance of a subclass of list, dict, str and so on holds as such; whether it is one."""
    for base, items in _BASES:
        if issubclass(type(value), base):
            encoder.content.add(base.__name__)
            items(encoder, value)
            return True
    return False


def _encode_reduced(encoder: "Encoder", value: Any, cls: Any) -> bool:
    """The state a type that is not the project's gives to pickle, if it has its own way of doing so."""
    has_own = cls.__reduce_ex__ is not object.__reduce_ex__ or cls.__reduce__ is not object.__reduce__
    if not has_own and has_hidden_state(cls):
        return _encode_global(encoder, value, cls, getattr(value, "__name__", None))
    if not has_own and instance_state(value, cls) is not None:
        return False
    try:
        reduced = value.__reduce_ex__(_PROTOCOL)
    except Exception:  # noqa: BLE001 # not all types can, and each says so in its own way
        return False
    if isinstance(reduced, str):
        return _encode_global(encoder, value, cls, reduced)
    _encode_parts(encoder, reduced)
    return True


def _encode_global(encoder: "Encoder", value: object, cls: type, name: object) -> bool:
    """Write what has a name in the module of its type by that name; type variables have one by themselves."""
    module = module_of(cls)
    space = vars(sys.modules[module]) if module in sys.modules else {}
    is_found = isinstance(name, str) and space.get(name, _MISSING) is value
    if is_found or issubclass(cls, _TYPE_VARIABLES):
        encoder.content.add("global", f"{module}.{name}")
        return True
    return False


def _encode_inherited(encoder: "Encoder", value: object, cls: type) -> bool:
    """What an instance of a project's class holds by way of a base that is not the project's, such as an array."""
    base: Any = next(base for base in cls.__mro__ if not encoder.definitions.is_project_type(base))
    frame = frame_content(value, module_of(base))
    if frame is not None:
        encoder.encode_items(frame)
        return True
    if base.__reduce__ is object.__reduce__:
        return False
    try:
        reduced = base.__reduce__(value)
    except Exception:  # noqa: BLE001 # not all types can, and each says so in its own way
        return False
    if isinstance(reduced, str):
        return False
    _encode_parts(encoder, reduced)
    return True


def _encode_parts(encoder: "Encoder", reduced: tuple[Any, ...]) -> None:
    function, arguments, *rest = reduced
    encoder.encode(function)
    encoder.encode(arguments)
    for item in rest:
        is_iterator = hasattr(item, "__next__")
        encoder.encode(list(item) if is_iterator else item)


def instance_state(value: object, cls: type) -> dict[str, object] | None:
    """The attributes of an instance itself, from its `__dict__` and its slots, read without calling any code of its
    class; None if it has neither."""
    state: dict[str, object] = {}
    has_any = False
    for base in cls.__mro__:
        space = vars(base)
        for name, member in space.items():
            if type(member) is types.MemberDescriptorType and base.__module__ != "builtins":
                has_any = True
                held = _slot(member, value)
                if held is not _MISSING:
                    state.setdefault(name, held)
        holder = space.get("__dict__")
        if type(holder) is types.GetSetDescriptorType:
            held = _slot(holder, value)
            if isinstance(held, dict):
                has_any = True
                state.update((str(name), item) for name, item in dict.items(held))
    return state if has_any else None


def has_hidden_state(cls: type) -> bool:
    """Whether instances hold more than their `__dict__` and slots show, in fields of C: by their size."""
    members = sum(type(item) is types.MemberDescriptorType for base in cls.__mro__ for item in vars(base).values())
    pointers = members + (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0)
    return cls.__basicsize__ > object.__basicsize__ + pointers * _POINTER


def _slot(member: Any, value: object) -> object:
    try:
        return member.__get__(value)
    except (AttributeError, TypeError):
        return _MISSING


def _is_handle(cls: type) -> bool:
    io = sys.modules.get("_io")
    return io is not None and issubclass(cls, io._IOBase)  # noqa: SLF001 # the base of all handles, C and Python


def module_of(cls: type) -> str:
    module = type.__getattribute__(cls, "__module__")
    return module if isinstance(module, str) else ""


def qualified(cls: type) -> str:
    return str(type.__getattribute__(cls, "__qualname__"))


_BASES: Final[tuple[tuple[type, Callable[["Encoder", Any], None]], ...]] = (
    (dict, lambda encoder, value: encoder.encode_items(item for pair in dict.items(value) for item in pair)),
    (list, lambda encoder, value: encoder.encode_items(list.__iter__(value))),
    (tuple, lambda encoder, value: encoder.encode_items(tuple.__iter__(value))),
    (str, lambda encoder, value: encoder.content.add(encoder.definitions.relative(str.__str__(value)))),
    (int, lambda encoder, value: encoder.content.add(int.__repr__(value))),
    (float, lambda encoder, value: encoder.content.add(float.__repr__(value))),
    (bytes, lambda encoder, value: encoder.content.add(bytes.__repr__(value))),
    (set, lambda encoder, value: encoder.encode_set(set.__iter__(value))),
    (frozenset, lambda encoder, value: encoder.encode_set(frozenset.__iter__(value))),
    (BaseException, lambda encoder, value: encoder.encode(BaseException.__dict__["args"].__get__(value))),
)
