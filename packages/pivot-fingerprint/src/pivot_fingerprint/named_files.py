# ruff: noqa: PTH112, PTH113, PTH117, PTH118, PTH120 # plain strings: paths are put together as the source does
"""The files that source names where it reads input, found without running it: `Path(__file__).parent / "a.json"`."""

import ast
import copy
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.project import Project
from pivot_fingerprint.references import reads_what_it_is_given
from pivot_fingerprint.trees import FunctionNode, chain_of

_JOINING: Final = frozenset({"Path", "PurePath", "PosixPath", "join", "joinpath"})
_KEEPING: Final = frozenset(
    {"resolve", "absolute", "expanduser", "as_posix", "abspath", "realpath", "normpath", "str", "fspath"}
)
_OF_PACKAGES: Final = frozenset({"read_text", "read_binary", "open_text", "open_binary", "get_data"})
"""What reads a file of a package, given the two."""
_DEEPEST: Final = 20
_UNTOLD: Final = ast.Constant(None)
_WRITING_ITSELF: Final = frozenset({"write_text", "write_bytes", "touch", "mkdir", "unlink", "rmdir"})
_WRITING_TO: Final = frozenset({"makedirs", "remove", "unlink", "rmtree"})
_WRITE_MODES: Final = frozenset("wax+")


class NamedFiles:
    """Evaluates the paths that source puts together from constants, `__file__` and names of the project."""

    def __init__(
        self,
        project: Project,
        locator: Locator,
        is_data: Callable[[str], bool],
    ) -> None:
        self._project = project
        self._locator = locator
        self._is_data = is_data
        self._written: dict[str, frozenset[str]] = {}

    def named(self, pieces: Iterable[tuple[SourceModule, ast.AST]]) -> list[str]:
        """The files of the project that the pieces of source name between them, as absolute paths, sorted.

        A name of a file counts below each directory that is named, since a helper may join the two.
        """
        said = {text for source, tree in pieces for text in self._paths(source, tree)}
        absolute = {self._absolute(text) for text in said}
        return sorted(path for path in absolute | self._below(absolute, said) if self._counts(path))

    def read_by(self, source: SourceModule, function: ast.AST) -> list[str]:
        """The files that code in the source names by way of `__file__`, or reads at a constant path below the root.

        They are absolute paths, sorted. Those that it writes do not count: what they hold is no part of the code.
        """
        written = _Written(function)
        said = set(self._paths(source, function, written))
        beside = {os.path.normpath(text) for text in said if os.path.isabs(text)}
        opened = set(map(self._absolute, self._opened(source, function)))
        read = beside | self._below(beside, said) | opened
        counted = {path for path in read if self._counts(path)}
        return sorted(counted - self._written_by(source)) if counted else []

    def _opened(self, source: SourceModule, function: ast.AST) -> Iterator[str]:
        """The paths that calls in the function read."""
        for text in self._given(source, function, _read_from):
            if self._can_be_path(text):
                yield text

    def _written_by(self, source: SourceModule) -> frozenset[str]:
        """The files that code in the source writes, wherever in it: as a cache that one function reads."""
        if source.path not in self._written:
            functions = (node for node in ast.walk(source.tree) if isinstance(node, FunctionNode))
            texts = (text for piece in (source.tree, *functions) for text in self._given(source, piece, _target))
            self._written[source.path] = frozenset(self._absolute(text) for text in texts if text and "\0" not in text)
        return self._written[source.path]

    def _given(
        self, source: SourceModule, piece: ast.AST, which: Callable[[ast.Call], ast.expr | None]
    ) -> Iterator[str]:
        """The texts that `which` tells of the calls in a piece of source, as far as they can be told."""
        filling = _Filling(_held(piece), lambda node: self._text(source, node, 0))
        for node in ast.walk(piece):
            place = which(node) if isinstance(node, ast.Call) else None
            text = self._text(source, filling.filled(place), 0) if place is not None else None
            if text is not None:
                yield text

    def _below(self, places: set[str], texts: set[str]) -> set[str]:
        """What the texts name in those of the places that are directories."""
        directories = [place for place in places if not self._is_data(place) and os.path.isdir(place)]
        return {os.path.normpath(os.path.join(directory, text)) for directory in directories for text in texts}

    def _counts(self, path: str) -> bool:
        # It is not looked at what stages write: that would be a reason to load again after each run which wrote it.
        if path.endswith(".py") or self._is_data(path):
            return False
        return os.path.isfile(path) and self._project.owns(path)  # in this order: any text can be meant

    def _absolute(self, text: str) -> str:
        return os.path.normpath(os.path.join(self._project.root, text))

    @cached_property
    def _longest(self) -> int:
        """No path has so many characters."""
        if sys.platform == "win32":
            return 1 << 15
        return os.pathconf("/", "PC_PATH_MAX")

    def _can_be_path(self, text: str) -> bool:
        return bool(text) and "\0" not in text and len(text) < self._longest

    def _paths(self, source: SourceModule, tree: ast.AST, written: "_Written | None" = None) -> Iterator[str]:
        if written is not None and written.has(tree):
            return
        if isinstance(tree, ast.expr):
            text = self._text(source, tree, 0)
            if text is not None:
                if self._can_be_path(text):
                    yield text
                return
        for child in ast.iter_child_nodes(tree):
            yield from self._paths(source, child, written)

    def _text(self, source: SourceModule, node: ast.expr, depth: int) -> str | None:
        """The string or path that the expression gives, None if that cannot be told."""
        if depth > _DEEPEST:
            return None

        def text(inner: ast.expr) -> str | None:
            return self._text(source, inner, depth + 1)

        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name(id="__file__"):
                return source.path
            case ast.Name(id=name):
                return self._of_name(source, name, depth)
            case ast.Attribute(value=inner, attr="parent"):
                return _up(text(inner), 1)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return self._of_attribute(source, name, attribute, depth)
            case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(count))):
                return _up(text(inner), count + 1)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _joined([text(left), text(right)])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _concatenated([text(left), text(right)])
            case ast.JoinedStr(values=values):
                return _concatenated([text(value) for value in values])
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return text(inner)
            case ast.Call(func=ast.Name(id="files") | ast.Attribute(attr="files"), args=[package]):
                return self._place_of(source, package)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[package, *parts]) if (
                parts and called in _OF_PACKAGES
            ):
                return _joined([self._place_of(source, package), *map(text, parts)])
            case ast.Call(func=ast.Attribute(value=receiver, attr=called), args=arguments):
                return _called(called, text(receiver), [text(argument) for argument in arguments])
            case ast.Call(func=ast.Name(id=called), args=arguments):
                return _called(called, None, [text(argument) for argument in arguments])
        return None

    def _place_of(self, source: SourceModule, package: ast.expr) -> str | None:
        """The directory of a package of the project, as `importlib.resources.files` gives it."""
        if isinstance(package, ast.Name) and package.id in ("__package__", "__name__"):
            return os.path.dirname(source.path)
        if isinstance(package, ast.Constant) and isinstance(package.value, str):
            name = package.value
        else:
            chain = chain_of(package)
            if chain is None:
                return None
            imported = [item for item in source.bindings.get(chain[0], ()) if item.kind == "import"]
            first = (imported[0].ref[0], *imported[0].ref[1]) if imported else chain[:1]
            name = ".".join((*first, *chain[1:]))
        location = self._locator.locate(name)
        return os.path.dirname(location.path) if location.owner == "project" and location.path else None

    def _of_name(self, source: SourceModule, name: str, depth: int) -> str | None:
        bindings = source.bindings.get(name, ())
        if len(bindings) != 1:
            return None
        binding = bindings[0]
        if binding.kind == "import" and binding.ref[1]:
            above = self._locator.source(binding.ref[0])
            return (
                self._of_name(above, binding.ref[1][0], depth + 1) if above is not None and depth < _DEEPEST else None
            )
        value = binding.node.value if isinstance(binding.node, ast.Assign | ast.AnnAssign) else None
        return self._text(source, value, depth + 1) if value is not None else None

    def _of_attribute(self, source: SourceModule, name: str, attribute: str, depth: int) -> str | None:
        """`paths.ROOT`, where `paths` is a module of the project."""
        for binding in source.bindings.get(name, ()):
            if binding.kind == "import":
                above = self._locator.source(".".join((binding.ref[0], *binding.ref[1])))
                return self._of_name(above, attribute, depth + 1) if above is not None else None
        return None


class _Written:
    """The paths that a piece of source writes to: the expressions for them, and the local names that hold them."""

    def __init__(self, tree: ast.AST) -> None:
        self._nodes: set[int] = set()
        self._names: set[str] = set()
        for node in ast.walk(tree):
            target = _target(node) if isinstance(node, ast.Call) else None
            if isinstance(target, ast.Name):
                self._names.add(target.id)
            elif target is not None:
                self._nodes.add(id(target))

    def has(self, node: ast.AST) -> bool:
        """Whether `node` is such an expression, or the statement that gives such a name its path."""
        if isinstance(node, ast.Assign):
            return any(isinstance(target, ast.Name) and target.id in self._names for target in node.targets)
        return id(node) in self._nodes


def _target(call: ast.Call) -> ast.expr | None:
    """Where the call writes, if it is one that does."""
    first = call.args[0] if call.args else None
    if isinstance(call.func, ast.Attribute):
        called, receiver = call.func.attr, call.func.value
        if called == "open" and not _is_module(receiver):
            return receiver if _is_to_write(call, 0) else None
        if called in _WRITING_ITSELF:
            return receiver
    elif isinstance(call.func, ast.Name):
        called = call.func.id
    else:
        return None
    if called == "open":
        return first if _is_to_write(call, 1) else None
    if called == "dump":
        return call.args[1] if len(call.args) > 1 else None
    return first if called in _WRITING_TO or called.startswith(("to_", "write_", "save")) else None


def _read_from(call: ast.Call) -> ast.expr | None:
    """What the call reads, if its name says that it does: `open(place)`, `place.read_text()`, `load_table(place)`."""
    if _target(call) is not None:
        return None
    first = next(iter((*call.args, *(item.value for item in call.keywords))), None)
    match call.func:
        case ast.Name(id=called) | ast.Attribute(attr=called) if called in _OF_PACKAGES and len(call.args) > 1:
            return call
        case ast.Attribute(value=receiver, attr="read_text" | "read_bytes"):
            return receiver
        case ast.Attribute(value=receiver, attr="open") if not _is_module(receiver):
            return receiver
        case ast.Name(id=called) | ast.Attribute(attr=called) if called == "open" or reads_what_it_is_given(called):
            return first
    return None


def _held(piece: ast.AST) -> dict[str, ast.expr]:
    """What the local names hold that one statement, or a default, gives a value."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(piece):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.arguments):
            names = [argument.arg for argument in (*node.posonlyargs, *node.args)][-len(node.defaults) :]
            for name, default in zip(names, node.defaults, strict=False):
                found.setdefault(name, []).append(default)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


class _Filling(ast.NodeTransformer):
    """Puts what local names hold in their place: a constant or another name itself, of all else the text that it gives.

    Each is looked at once, since what one holds may name the one before it many times, and that the one before.
    """

    def __init__(self, held: Mapping[str, ast.expr], text: Callable[[ast.expr], str | None]) -> None:
        self._held = held
        self._text = text
        self._found: dict[str, ast.expr] = {}
        self._depth = 0

    def filled(self, place: ast.expr) -> ast.expr:
        if self._held and any(isinstance(node, ast.Name) and node.id in self._held for node in ast.walk(place)):
            return self.visit(copy.deepcopy(place))  # type: ignore[no-any-return] # one node for one
        return place

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._held:
            return node
        if node.id not in self._found:
            self._found[node.id] = _UNTOLD  # to what it holds itself
            if self._depth < _DEEPEST:
                self._depth += 1
                value = self.filled(self._held[node.id])
                self._depth -= 1
                is_simple = isinstance(value, ast.Constant) or chain_of(value) is not None
                self._found[node.id] = value if is_simple else ast.Constant(self._text(value))
        return self._found[node.id]


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("io", "gzip", "bz2", "lzma", "codecs")


def _is_to_write(call: ast.Call, place: int) -> bool:
    """Whether the mode that `open` is given, at this place of its arguments, is one for writing."""
    modes = [*call.args[place : place + 1], *(item.value for item in call.keywords if item.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and not _WRITE_MODES.isdisjoint(str(mode.value)) for mode in modes)


def _up(path: str | None, count: int) -> str | None:
    for _ in range(count):
        path = os.path.dirname(path) if path is not None else None
    return path


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return os.path.join(*known) if known and len(known) == len(parts) else None


def _concatenated(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def _called(name: str, receiver: str | None, arguments: list[str | None]) -> str | None:
    if name in _JOINING:
        return _joined([receiver, *arguments] if receiver is not None else arguments)
    if name in _KEEPING:
        return receiver if receiver is not None else next(iter(arguments), None)
    if name == "dirname":
        return _up(next(iter(arguments), None), 1)
    if name == "with_name" and receiver is not None:
        return _joined([_up(receiver, 1), *arguments])
    return None
