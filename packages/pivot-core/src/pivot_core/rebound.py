"""Stages made in a loop from one function: where it reads what the loop binds, all of them see its last value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from pivot_core.enumerating import first_of

if TYPE_CHECKING:
    from pivot_core.declare import Declared, Registry

_SHORT = 60  # characters of a value that a notice shows
_NAMED = 3  # stages that a notice names
_COMPARED = (str, bytes, int, float)  # with others, being equal may run anybody's code


def notices(registry: Registry) -> Iterator[str]:
    """What to tell of functions that were made several stages, and that read a variable bound anew in between."""
    same: dict[CodeType, list[Declared]] = {}
    for item in registry.declared.values():
        if isinstance(item.function, FunctionType):
            same.setdefault(item.function.__code__, []).append(item)
    for stages in same.values():
        if len(stages) > 1:
            yield from _notices(stages, [registry.seen.get(item.stage.name, {}) for item in stages])


def seen(function: Callable[..., object]) -> dict[str, object]:
    """The variables that a function reads and does not bind, with their present values."""
    if not isinstance(function, FunctionType):
        return {}
    names, variables = _globals(function.__code__), function.__globals__
    found = {name: variables[name] for name in names if name in variables}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            pass  # nothing in it yet
    return found


def _globals(code: CodeType) -> set[str]:
    """The names in a function and those within it that may be of globals; attributes are among them."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _globals(constant)
    return names


def _notices(stages: list[Declared], values: list[Mapping[str, object]]) -> Iterator[str]:
    now = seen(stages[-1].function)
    for name in sorted(set.intersection(*map(set, values)) & now.keys() & _read(stages[-1].function)):
        was = [each[name] for each in values]
        # A closure may have a variable of its own for each stage; it is the same one where all see the last value.
        shared = all(_same(seen(item.function)[name], now[name]) for item in stages)
        if shared and not all(_same(value, was[0]) for value in was):
            yield _notice(stages, name, now[name])


def _read(function: Callable[..., object]) -> set[str]:
    """The names that a function, or one within it, looks up outside of itself."""
    import dis  # only for pipelines that have such stages

    assert isinstance(function, FunctionType)
    found, codes = set(function.__code__.co_freevars), [function.__code__]
    for code in codes:
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        found |= {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found


def _same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and type(one) in _COMPARED and one == other)


def _notice(stages: list[Declared], name: str, last: object) -> str:
    names = [item.stage.name for item in stages]
    shown = first_of(names, _NAMED)
    value = f", {last!r}" if type(last) in _COMPARED and len(repr(last)) <= _SHORT else ""
    return (
        f"{stages[0].stage.location}: {shown} are made from one function, which reads {name!r}: when they run, all of "
        f"them see its last value{value}. Give each its own: an argument {name!r}, and params={{{name!r}: {name}}}."
    )
