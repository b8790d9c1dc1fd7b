"""What pickles hold: a stage that loads one runs code that only the stage which wrote it can name.

A pickle names classes and functions by module and name; nothing in the code that loads it does. If a class changes, the
bytes of the pickle may stay the same. So such a stage depends on the code of those whose outs it reads as well.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

import attrs
from pivot_fingerprint import Entry, Fingerprint

from pivot_core.errors import PipelineError
from pivot_core.graph import Graph
from pivot_core.model import Stage

_LIBRARIES = frozenset({"pickle", "_pickle", "joblib", "dill", "cloudpickle", "torch", "shelve"})
_LOADING = frozenset({"load", "loads", "Unpickler"})
_READING = frozenset({"read_pickle", "shelve"})  # names that are enough
_WORDS = tuple(word.encode() for word in _LIBRARIES | _READING)


def with_what_pickles_hold(
    stages: Mapping[str, Stage], code: Mapping[str, Fingerprint], sources: Iterable[bytes]
) -> Mapping[str, Fingerprint]:
    """The code of all stages, of those that load pickles with that of the stages that wrote what they read.

    `sources` are those of the project. Functions of modules that no stage has imported yet are taken for such as load
    none.
    """
    if not any(word in source for source in sources for word in _WORDS):
        return code
    try:
        graph = Graph.of(stages)
    except PipelineError:
        return code  # it is told when the graph is needed
    loads, found = _Loads(), dict(code)
    for name in graph.order:
        writers = graph.upstreams[name]
        if writers and any(map(loads, code[name].manifest)):
            action = stages[name].action
            held = [(found[writer], _key(stages[writer])) for writer in writers]
            found[name] = _joined(found[name], f"{action.module}.{action.qualname}", held)
    return found


def _key(stage: Stage) -> str:
    return f"func:{stage.action.module}.{stage.action.qualname}"


def _joined(own: Fingerprint, name: str, held: list[tuple[Fingerprint, str]]) -> Fingerprint:
    """A fingerprint with all that others have; of each but the one entry that is named with it, of its own stage."""
    manifest = {key: digest for code, left in held for key, digest in code.manifest.items() if key != left}
    manifest |= own.manifest

    def make() -> Iterator[Entry]:
        made = {entry.key: entry for entry in own.entries}
        for code, left in held:
            for entry in code.entries:
                if entry.key != left and entry.key not in made:
                    made[entry.key] = attrs.evolve(entry, via=(name, *entry.via))
        return iter(made.values())

    return Fingerprint.lazy(manifest, make, own.python)


class _Loads:
    """Whether what a key of a manifest names loads pickles, asked once for each."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def __call__(self, key: str) -> bool:
        if key not in self._known:
            self._known[key] = key.startswith("func:") and any(map(_loads_pickles, _functions(key[len("func:") :])))
        return self._known[key]


def _functions(name: str) -> Iterator[FunctionType]:
    """The function of that name, where its module is loaded; of what is within a function, the outermost."""
    parts = name.partition(".<locals>")[0].split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            yield from _unwrapped(_found(module, parts[count:]))
            return


def _found(place: object, names: Iterable[str]) -> object:
    for name in names:
        place = inspect.getattr_static(place, name, None)
    return place


def _unwrapped(found: object) -> Iterator[FunctionType]:
    """A function, and those that it was made of, by the ways that keep them; nobody's code is run."""
    seen: list[object] = []
    while found is not None and not any(found is other for other in seen):
        seen.append(found)
        if isinstance(found, property):
            found = found.fget
            continue
        if isinstance(found, FunctionType):
            yield found
        found = inspect.getattr_static(found, "__wrapped__", None) or inspect.getattr_static(found, "__func__", None)


def _loads_pickles(function: FunctionType) -> bool:
    names = _names(function.__code__)
    if names & _READING or (names & _LIBRARIES and names & _LOADING):
        return True
    values = [function.__globals__.get(name) for name in names]
    return any(_is_loader(value) for value in values) or (
        not names.isdisjoint(_LOADING)
        and any(_library(value.__name__) for value in values if isinstance(value, ModuleType))
    )


def _names(code: CodeType) -> set[str]:
    names = {part for name in code.co_names for part in name.split(".")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _is_loader(value: object) -> bool:
    if not isinstance(value, FunctionType | BuiltinFunctionType | type):
        return False
    return value.__name__ in _LOADING | _READING and _library(value.__module__)


def _library(module: object) -> bool:
    return str(module).partition(".")[0] in _LIBRARIES
