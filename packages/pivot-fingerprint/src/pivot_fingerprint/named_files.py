# ruff: noqa: PTH112, PTH113, PTH118, PTH120 # plain strings: paths are put together as the source does
"""The files that source names where it reads input, found without running it: `Path(__file__).parent / "a.json"`."""

import ast
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.project import Project

_JOINING: Final = frozenset({"Path", "PurePath", "PosixPath", "join", "joinpath"})
_KEEPING: Final = frozenset(
    {"resolve", "absolute", "expanduser", "as_posix", "abspath", "realpath", "normpath", "str", "fspath"}
)
_DEEPEST: Final = 20


class NamedFiles:
    """Evaluates the paths that source puts together from constants, `__file__` and names of the project."""

    def __init__(self, project: Project, locator: Locator, is_data: Callable[[str], bool]) -> None:
        self._project = project
        self._locator = locator
        self._is_data = is_data

    def named(self, pieces: Iterable[tuple[SourceModule, ast.AST]]) -> list[str]:
        """The files of the project that the pieces of source name between them, as absolute paths, sorted.

        A name of a file counts below each directory that is named, since a helper may join the two.
        """
        said = [text for source, tree in pieces for text in self._paths(source, tree)]
        absolute = {self._absolute(text) for text in said}
        directories = [path for path in absolute if os.path.isdir(path)]
        absolute.update(os.path.normpath(os.path.join(above, text)) for above in directories for text in said)
        return sorted(path for path in absolute if self._counts(path))

    def _counts(self, path: str) -> bool:
        return (
            not path.endswith(".py") and self._project.owns(path) and os.path.isfile(path) and not self._is_data(path)
        )

    def _absolute(self, text: str) -> str:
        return os.path.normpath(os.path.join(self._project.root, text))

    def _paths(self, source: SourceModule, tree: ast.AST) -> Iterator[str]:
        if isinstance(tree, ast.expr):
            text = self._text(source, tree, 0)
            if text is not None:
                if text and "\0" not in text and len(text) < os.pathconf("/", "PC_PATH_MAX"):
                    yield text
                return
        for child in ast.iter_child_nodes(tree):
            yield from self._paths(source, child)

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
            case ast.Call(func=ast.Attribute(value=receiver, attr=called), args=arguments):
                return _called(called, text(receiver), [text(argument) for argument in arguments])
            case ast.Call(func=ast.Name(id=called), args=arguments):
                return _called(called, None, [text(argument) for argument in arguments])
        return None

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
