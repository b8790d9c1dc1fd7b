"""Decorators above `@stage`: the stage runs the function that `@stage` got, not what they made of it.

Such an object stands where the function should. But not every other object there comes from a decorator: names are
bound again in loops, deleted, patched by other modules. So the source has to say that one was above `@stage`, and
either that the name is bound nowhere else, or the object has to hold the function.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import CellType, FunctionType, ModuleType

import attrs

from pivot_core.declare import Declared, Registry

type _Sites = Mapping[int, "_Site"]  # by line

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_STEPS = 100  # of `__wrapped__`, which may lead in a circle


@attrs.frozen
class _Site:
    """The name that a line with a decorator is about, where others stand above; `alone`: nothing else binds it."""

    name: str
    alone: bool


def notices(registry: Registry, sources: Mapping[str, bytes]) -> Iterator[str]:
    """What to tell of stages whose function was replaced by a decorator above `@stage`; `sources` by path."""
    registered = {id(item.function) for item in registry.declared.values()}
    sites: dict[str, _Sites] = {}
    for item in registry.declared.values():
        if _stands(item.function):
            continue
        file = os.path.normpath(registry.root / item.stage.location.file)
        if file not in sites:
            sites[file] = _sites(sources.get(file, b""))
        site = sites[file].get(item.stage.location.line)
        module = _module_of(file) if site else None
        if site is None or module is None:
            continue
        present = vars(module).get(site.name, item.function)
        if id(present) not in registered and (site.alone or _holds(present, item.function)):
            yield _notice(item, site.name, present)


def _notice(item: Declared, name: str, present: object) -> str:
    same_name = type(present) is not FunctionType or present.__name__ == name
    on_top = "@stage" if same_name else f"@stage(name={item.stage.name!r}, …)"
    return (
        f"{item.stage.location}: a decorator above @stage replaces {name!r}; "
        f"the stage {item.stage.name!r} runs the function without it. Put {on_top} on top."
    )


def _stands(function: object) -> bool:
    """Whether a function is what its name says, as nearly all are."""
    if type(function) is not FunctionType:
        return False
    module = sys.modules.get(function.__module__)
    return module is not None and vars(module).get(function.__qualname__) is function


def _module_of(file: str) -> ModuleType | None:
    modules = [module for module in list(sys.modules.values()) if issubclass(type(module), ModuleType)]
    return next((module for module in modules if vars(module).get("__file__") == file), None)


def _sites(source: bytes) -> _Sites:
    """The lines of decorators that stand below others, at the module's own level."""
    tree = ast.parse(source)
    found: dict[int, _Site] = {}
    for definition in _own_definitions(tree.body):
        for decorator in definition.decorator_list[1:]:
            site = _Site(definition.name, _is_alone(definition, tree))
            found |= dict.fromkeys(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1), site)
    return found


def _own_definitions(nodes: Iterable[ast.AST]) -> Iterator[_Definition]:
    for node in nodes:
        if isinstance(node, _Definition):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _own_definitions(ast.iter_child_nodes(node))


def _is_alone(definition: _Definition, tree: ast.Module) -> bool:
    """Whether no other statement of the module binds the definition's name, or might."""
    return not any(_binds(node, definition) for node in ast.walk(tree) if node is not definition)


def _binds(node: ast.AST, definition: _Definition) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name == definition.name
        case ast.Name():
            return node.id == definition.name and not isinstance(node.ctx, ast.Load)
        case ast.ImportFrom():
            late = node.lineno > definition.lineno
            return any(
                (alias.asname or alias.name) == definition.name or (alias.name == "*" and late) for alias in node.names
            )
        case ast.Import():
            return any((alias.asname or alias.name.partition(".")[0]) == definition.name for alias in node.names)
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            return node.name == definition.name
        case _:
            return False


def _holds(present: object, function: object) -> bool:
    """Whether an object keeps the function, as what a decorator makes does."""
    inner, steps = present, 0
    while (inner := inspect.getattr_static(inner, "__wrapped__", None)) is not None and steps < _STEPS:
        if inner is function:
            return True
        steps += 1
    if type(present) is FunctionType:
        return any(_content(cell) is function for cell in present.__closure__ or ())
    if type(present) is functools.partial:
        return present.func is function
    try:
        kept = object.__getattribute__(present, "__dict__")
    except AttributeError:
        return False
    return any(value is function for value in kept.values())


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # nothing is in it yet
