"""Live classes → the content of nodes: their statement, their bases, and what was done to them since."""

import abc
import ast
import enum
import types
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property, partialmethod, singledispatchmethod
from typing import Any, Final, Protocol

from pivot_fingerprint.graph import Content
from pivot_fingerprint.kinds import innermost, is_a, is_cached
from pivot_fingerprint.links import Linker, Names
from pivot_fingerprint.live import FunctionNames, LiveModules
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.trees import is_literal
from pivot_fingerprint.values import Definitions, Encoder, TooLargeError

Encode = Callable[[object], None]
_METHODS: Final = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    cached_property,
    partialmethod,
    singledispatchmethod,
)
_GENERATED: Final = (types.MemberDescriptorType, types.GetSetDescriptorType, types.FunctionType)
_UNREADING_MODULES: Final = frozenset(
    {"builtins", "abc", "enum", "typing", "collections.abc", "_collections_abc", "contextlib", "threading"}
)
_READING_TYPING: Final = frozenset({"NamedTuple", "TypedDict"})


class FunctionFiles(Protocol):
    """Who knows which source a function was made from."""

    def tree_of(self, function: types.FunctionType) -> object | None: ...


class ClassReader:
    """Adds classes to nodes."""

    def __init__(self, definitions: "_Both", locator: Locator, modules: LiveModules, linker: Linker) -> None:
        self._definitions = definitions
        self._locator = locator
        self._modules = modules
        self._linker = linker

    def tree_of(self, cls: type) -> tuple[SourceModule, ast.ClassDef] | None:
        """The source a class was made from, and its statement."""
        space = type.__getattribute__(cls, "__dict__")
        line, module = space.get("__firstlineno__"), space.get("__module__")
        if not isinstance(line, int) or not isinstance(module, str):
            return None
        source = self._modules.source(module)
        node = source.class_at(cls.__name__, line) if source is not None else None
        return (source, node) if source is not None and node is not None else None

    def add(self, cls: type, content: Content, encode: Encode, *, is_home: bool) -> None:
        """Everything that makes this class what it is. Methods of a class at home are nodes of their own."""
        found = self.tree_of(cls)
        module = str(type.__getattribute__(cls, "__module__"))
        names = FunctionNames(self._modules, module)
        names.optional = frozenset()
        content.edges[("import", module, "live")] = None
        if is_home:
            content.answer(("live", module, cls.__qualname__))
        if found is not None:
            self._add_statement(cls, *found, names, content)
        else:
            self._add_made(cls, content, encode)
        for base in cls.__bases__:
            content.add("base")
            encode(base)
        if type(cls) is not type:
            content.add("metaclass")
            encode(type(cls))
        if "_abc_impl" in type.__getattribute__(cls, "__dict__"):
            content.add("registered", *sorted(f"{item.__module__}.{item.__qualname__}" for item in _registered(cls)))
        self._add_members(cls, found[1] if found else None, content, encode, is_home=is_home)

    def _add_statement(
        self, cls: type, source: SourceModule, node: ast.ClassDef, names: Names, content: Content
    ) -> None:
        content.trees.append(node)
        self._linker.add(content, source.class_shell(node), names)
        self._linker.add_decorators(content, source, node, names)
        if self.reads_fields(cls):
            self._linker.add(content, source.annotations(node), names)

    def _add_made(self, cls: type, content: Content, encode: Encode) -> None:
        """A class that no statement of the project made: by a call of type(), namedtuple(), make_dataclass()."""
        content.note("made at run time: counts by what it holds")
        content.add("class", cls.__name__)
        space = type.__getattribute__(cls, "__dict__")
        if issubclass(cls, enum.Enum):
            encode([(member, vars(cls)["_member_map_"][member]._value_) for member in vars(cls)["_member_map_"]])
        if type(cls) not in (type, abc.ABCMeta, enum.EnumType) or "__attrs_attrs__" in space:
            content.is_opaque = True  # it may hold what it was given in ways of its own
        for name in ("_fields", "_field_defaults", "__annotations__", "__dataclass_fields__", "__slots__"):
            if name in space:
                content.add(name)
                encode(list(space[name]) if name == "__dataclass_fields__" else space[name])

    def reads_fields(self, cls: type) -> bool:
        """Whether something reads the annotations of the class: a decorator, a metaclass, a base that is known to."""
        for base in cls.__mro__:
            if base.__module__ in _UNREADING_MODULES and base.__name__ not in _READING_TYPING:
                continue
            if not self._definitions.is_project_type(base) or "__init_subclass__" in vars(base):
                return True
            found = self.tree_of(base)
            if found is None or found[1].decorator_list:
                return True
        if getattr(cls, "__orig_bases__", ()) and (issubclass(cls, dict) or hasattr(cls, "_fields")):
            return True
        return type(cls).__module__ not in _UNREADING_MODULES

    # -- members ------------------------------------------------------------------------------------------------

    def _add_members(
        self, cls: type, node: ast.ClassDef | None, content: Content, encode: Encode, *, is_home: bool
    ) -> None:
        literals = _literals(node) if node is not None else {}
        space = type.__getattribute__(cls, "__dict__")
        for name in sorted(space):
            value = space[name]
            if _is_member(cls, name, value):
                value = value._value_
            if self._is_method(name, value):
                if is_home:
                    content.edges[("member", cls.__module__, cls.__qualname__, name)] = None
                    content.add("method", name)
                else:
                    content.add("method", name)
                    encode(value)
            elif not _is_generated(cls, name, value):
                self._add_attribute(name, value, literals, content, is_home=is_home)

    def _is_method(self, name: str, value: object) -> bool:
        if is_a(value, types.FunctionType):
            if self._definitions.tree_of(value) is not None or self._modules.is_made(str(value.__module__)):
                return True
            return "__wrapped__" in vars(value) and not (name.startswith("__") and _is_of_no_file(innermost(value)))
        return issubclass(type(value), _METHODS) or is_cached(value) or self._definitions.is_project_type(type(value))

    def _add_attribute(
        self, name: str, value: object, literals: dict[str, ast.expr], content: Content, *, is_home: bool
    ) -> None:
        """An attribute counts by its value where the statement alone does not say it."""
        held = Content()
        try:
            Encoder(self._definitions, held).encode(value)
        except TooLargeError:
            held.cut(name)
        if name in literals:
            stated = Content()
            Encoder(self._definitions, stated).encode(ast.literal_eval(literals[name]))
            if stated.tokens == held.tokens:
                return
        if not held.is_opaque:
            tokens = ("attribute", name, *held.tokens)
            if not is_home:
                content.add(*tokens)
            elif not content.hold(f".{name}", lambda: content.add(*tokens)):
                return
        content.edges.update(held.edges)


class _Both(Definitions, FunctionFiles, Protocol):
    """All that is known about definitions."""


def _is_of_no_file(function: types.FunctionType) -> bool:
    """Whether a function was made from text, as `dataclass` makes those of its methods that it wraps."""
    return function.__code__.co_filename.startswith("<")


def _registered(cls: type) -> Iterator[type]:
    """The virtual subclasses of an abstract class, in no order."""
    registry: set[weakref.ref[type]] = abc._get_dump(cls)[0]  # type: ignore[attr-defined]  # noqa: SLF001 # there is no other way
    return (item for item in (reference() for reference in registry) if item is not None)


def _literals(node: ast.ClassDef) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for item in node.body:
        if isinstance(item, ast.Assign | ast.AnnAssign) and item.value is not None and is_literal(item.value):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            found.update((target.id, item.value) for target in targets if isinstance(target, ast.Name))
    return found


def _is_generated(cls: type, name: str, value: Any) -> bool:
    if name.startswith("__") or (name.startswith("_") and name.endswith("_")) or name == "_abc_impl":
        return True
    if issubclass(type(value), _GENERATED):
        return True
    return issubclass(cls, enum.Enum) and (type(value) is cls or name.startswith("_"))


def _is_member(cls: type, name: str, value: Any) -> bool:
    """Whether this is a member of an enumeration, or an alias of one."""
    return issubclass(cls, enum.Enum) and type(value) is cls and not name.startswith("_")
