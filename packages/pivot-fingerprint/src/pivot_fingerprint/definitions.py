# ruff: noqa: PTH117, PTH119 # plain strings: this runs for every module, and a Path costs several times as much
"""Live functions, classes and values → the content of nodes: source in normal form, plus what differs from it."""

import ast
import os
import re
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from pivot_fingerprint.classes import ClassReader
from pivot_fingerprint.graph import Content, Target
from pivot_fingerprint.kinds import is_a
from pivot_fingerprint.links import Linker
from pivot_fingerprint.live import FunctionNames, LiveModules
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.parts import digest_text
from pivot_fingerprint.project import Project
from pivot_fingerprint.trees import FunctionNode, is_literal
from pivot_fingerprint.values import Encoder

Encode = Callable[[object], None]
_EMPTY: Final = "<empty cell>"


class LiveDefinitions:
    """What the value encoder and the node maker know about functions, classes and modules of the project."""

    def __init__(self, project: Project, locator: Locator, modules: LiveModules, linker: Linker) -> None:
        self._locator = locator
        self._modules = modules
        self._linker = linker
        self._root = str(project.root)
        self._root_pattern = re.compile(re.escape(self._root) + r"(?![\w.-])")
        self._classes = ClassReader(self, locator, modules, linker)
        self._sources: dict[tuple[str, str], SourceModule | None] = {}
        self.codes: dict[tuple[str, str], tuple[SourceModule, FunctionNode]] = {}
        """Functions that have entries for where they stand, by module and qualified name."""
        self.own: object = None
        """What the node that is being made is about: it is not a reference to itself."""

    # -- for the encoder ----------------------------------------------------------------------------------------

    def of_object(self, value: object) -> Iterable[Target] | None:
        if value is self.own:
            return None
        home = self._modules.home(value)
        if home is None:
            return None
        return self._modules.bound(home[0], home[1], value, ())

    def of_module(self, value: types.ModuleType) -> Iterable[Target]:
        return self._modules.of_module(value, ())

    def is_project_type(self, cls: type) -> bool:
        module = type.__getattribute__(cls, "__module__")
        return isinstance(module, str) and (self._modules.source(module) is not None or self._modules.is_made(module))

    def is_ignored(self, value: object) -> bool:
        return self._modules.is_ignored(value)

    def relative(self, text: str) -> str:
        return self._root_pattern.sub("<root>", text) if self._root in text and len(self._root) > 1 else text

    def add_class(self, cls: type, encoder: Encoder) -> None:
        is_home = cls is self.own and self._modules.home(cls) is not None
        self._classes.add(cls, encoder.content, encoder.encode, is_home=is_home)

    def class_tree(self, cls: type) -> tuple[SourceModule, ast.ClassDef] | None:
        """The source a class was made from, and its statement."""
        return self._classes.tree_of(cls)

    # -- functions ----------------------------------------------------------------------------------------------

    def source_of_code(self, code: types.CodeType, module: str) -> SourceModule | None:
        key = (code.co_filename, module)
        if key not in self._sources:
            self._sources[key] = self._find_source(*key)
        return self._sources[key]

    def _find_source(self, path: str, module: str) -> SourceModule | None:
        if not os.path.isabs(path) or self._locator.owner_of_file(path) != "project":
            return None
        source = self._modules.source(module)
        if source is not None and source.path in (path, os.path.realpath(path)):
            return source
        is_package = os.path.basename(path) == "__init__.py"
        return self._locator.parse(os.path.realpath(path), module, is_package=is_package)

    def tree_of(self, function: types.FunctionType) -> tuple[SourceModule, FunctionNode] | None:
        """The source a function was made from, and its place in it."""
        source = self.source_of_code(function.__code__, str(function.__globals__.get("__name__", "")))
        node = source.node_of(function.__code__) if source is not None else None
        return (source, node) if source is not None and node is not None else None

    def names_of(self, function: types.FunctionType) -> FunctionNames:
        captured = self._captured(function)
        if self._modules.is_nameless(function.__globals__):
            module = str(function.__globals__.get("__name__", ""))
        else:
            module = self._modules.register(function.__globals__)
        names = FunctionNames(self._modules, module, captured)
        if "<locals>" in function.__qualname__ or function.__closure__:
            names.optional = frozenset(function.__code__.co_names)
        return names

    def add_function(self, function: types.FunctionType, encoder: Encoder) -> None:
        """Everything that makes this function what it is: code, decorators, defaults, closure, attributes."""
        content, encode = encoder.content, encoder.encode
        found = self.tree_of(function)
        if found is not None:
            source, node = found
            names = self.names_of(function)
            content.trees.append(node)
            part = source.function(node)
            has_values = self._add_defaults(function, node, encoder)
            self._linker.add(content, part, names, leave=part.default_refs if has_values else frozenset())
            self._linker.note_variables(content, part)
            self._linker.add_decorators(content, source, node, names)
            if function is not self.own and "annotations" in content.reads:
                # It is held by code that asks for annotations, as a wrapper is.
                self._linker.add(content, source.annotations(node), names)
            content.edges[("import", names.module, "live")] = None
            if function is not self.own:
                self._add_code(function, source, node, content)
        elif self._is_foreign(function):
            content.link("function", self._foreign(function))
        else:
            self._add_bytecode(function, content, encode)
        if "registry" in vars(function) and "dispatch" in vars(function):
            self._add_dispatch(function, content, encode)
            return
        self._add_captured(function, encoder, has_source=found is not None)
        self._add_attributes(function, encoder)

    def _add_code(
        self, function: types.FunctionType, source: SourceModule, node: FunctionNode, content: Content
    ) -> None:
        """Give a function that is held by something else, such as a wrapper, an entry that tells where it stands.

        Those that a function made need none: it is a decorator, which has one, or a maker that ran while loading.
        """
        name = function.__code__.co_qualname
        if "<" not in name:
            self.codes[source.name, name] = (source, node)
            content.edges[("code", source.name, name)] = None

    def _add_defaults(self, function: types.FunctionType, node: FunctionNode, encoder: Encoder) -> bool:
        """Add the defaults, where the source alone does not say them; say whether their values were all to be had."""
        content = encoder.content
        keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        stated = {argument.arg: default for argument, default in keywords if default is not None}
        held = function.__kwdefaults__ or {}
        if (
            _are_stated(function.__defaults__ or (), node.args.defaults)
            and held.keys() == stated.keys()
            and _are_stated(held.values(), [stated[name] for name in held])
        ):
            return True
        was_opaque, content.is_opaque = content.is_opaque, False
        content.add("defaults")
        are_all = True
        for name, value, said in _defaults(function, node):
            content.add(name)
            if said is not None and is_literal(said):
                encoder.encode(value)
            else:
                are_all = encoder.hold(f", default of {name}", value) and are_all
        has_values = are_all and not content.is_opaque
        content.is_opaque = content.is_opaque or was_opaque
        return has_values

    def _is_foreign(self, function: types.FunctionType) -> bool:
        path = function.__code__.co_filename
        if os.path.isabs(path):
            return self._locator.owner_of_file(path) != "project"
        module = function.__globals__.get("__name__")
        return isinstance(module, str) and self._locator.locate(module).owner in ("distribution", "python", "ignored")

    def _foreign(self, function: types.FunctionType) -> Iterable[Target]:
        module = str(function.__globals__.get("__name__", ""))
        return self._modules.outside(module, (function.__code__.co_qualname,))

    def _add_bytecode(self, function: types.FunctionType, content: Content, encode: Encode) -> None:
        content.note(f"no source: {function.__qualname__} counts by its bytecode")
        names = self.names_of(function)
        for code in _nested(function.__code__):
            content.add("bytecode", code.co_code.hex(), *code.co_names, "/", *code.co_varnames, *code.co_freevars)
            for constant in code.co_consts:
                if not isinstance(constant, types.CodeType):
                    encode(constant)
            for name in code.co_names:
                if name in function.__globals__:
                    content.link(name, names.resolve((name,)))
        encode(function.__defaults__)
        encode(function.__kwdefaults__)

    def _captured(self, function: types.FunctionType) -> dict[str, object]:
        """What a function holds itself: its closure, and the globals it uses where no module's name leads to them."""
        cells, space = _cells(function), function.__globals__
        if not self._modules.is_nameless(space):
            return cells
        used = {name for code in _nested(function.__code__) for name in code.co_names if name in space}
        return {**{name: space[name] for name in used}, **cells}

    def _add_captured(self, function: types.FunctionType, encoder: Encoder, *, has_source: bool) -> None:
        for name, value in sorted(self._captured(function).items(), key=lambda pair: pair[0]):
            if not is_a(value, types.ModuleType) or not has_source:
                encoder.content.add("cell", name)
                if not encoder.hold(f", {name} of its closure", value):
                    self._add_maker(function, encoder.content)

    def _add_maker(self, function: types.FunctionType, content: Content) -> None:
        """The function or class in whose code `function` was made: it says what its variables are."""
        around = function.__code__.co_qualname.partition(".<locals>")[0]
        module = str(function.__globals__.get("__name__", ""))
        content.link("", self._modules.in_module(module, tuple(around.split("."))))

    def _add_attributes(self, function: types.FunctionType, encoder: Encoder) -> None:
        for name, value in sorted(vars(function).items(), key=lambda pair: pair[0]):
            if not self.is_ignored(value):
                encoder.content.add("attribute", name)
                encoder.hold(f".{name}", value)

    def _add_dispatch(self, function: Any, content: Content, encode: Encode) -> None:
        """The implementations registered with `functools.singledispatch`, in whichever order."""
        digests = []
        for cls, implementation in function.registry.items():
            start = len(content.tokens)
            encode(cls)
            encode(implementation)
            digests.append(digest_text(content.tokens[start:]))
            del content.tokens[start:]
        content.add("dispatch", *sorted(digests))
        encode(getattr(function, "__wrapped__", None))


def _are_stated(held: Collection[object], stated: Sequence[ast.expr]) -> bool:
    """Whether the defaults that a function has are the constants of its source."""
    return len(held) == len(stated) and all(
        isinstance(said, ast.Constant) and type(value) is type(said.value) and value == said.value
        for value, said in zip(held, stated, strict=True)
    )


def _defaults(function: types.FunctionType, node: FunctionNode) -> Iterator[tuple[str, object, ast.expr | None]]:
    """Parameters that have a default: their name, the value, and the expression for it if that is where it is from."""
    arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    held, said = function.__defaults__ or (), node.args.defaults
    for index in range(1, len(held) + 1):
        name = arguments[-index] if index <= len(arguments) else str(-index)
        yield name, held[-index], said[-index] if index <= len(said) else None
    stated = {
        argument.arg: default for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    }
    for name, value in sorted((function.__kwdefaults__ or {}).items()):
        yield name, value, stated.get(name)


def _cells(function: types.FunctionType) -> dict[str, object]:
    found: dict[str, object] = {}
    if not function.__closure__:
        return found
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            found[name] = _EMPTY
    return found


def _nested(code: types.CodeType) -> Iterable[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)
