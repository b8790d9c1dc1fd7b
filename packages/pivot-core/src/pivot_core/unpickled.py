"""What pickles hold: a stage that loads one runs code that only the stage which wrote it can name.

A pickle names classes and functions by module and name; nothing in the code that loads it does. If a class changes, the
bytes of the pickle may stay the same. So such a stage depends on the code of those whose outs it reads as well, where
that code has classes of the project; else what they write tells all, and a change that leaves it the same ends there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

import attrs
from pivot_fingerprint import Entry, Fingerprint

from pivot_core.errors import PipelineError
from pivot_core.graph import Graph
from pivot_core.model import Stage

_LIBRARIES = frozenset({"pickle", "_pickle", "joblib", "dill", "cloudpickle", "torch", "shelve"})
_LOADING = frozenset({"load", "loads", "Unpickler", "open"})
_READING = "read_pickle"  # of pandas and others: the name is enough
_WORDS = tuple(word.encode() for word in (*_LIBRARIES, _READING))


def with_what_pickles_hold(
    stages: Mapping[str, Stage], code: Mapping[str, Fingerprint], sources: Mapping[str, bytes]
) -> Mapping[str, Fingerprint]:
    """The code of all stages, of those that load pickles with that of the stages that wrote what they read.

    `sources` are those of the project, by path: also of modules that only a stage will import.
    """
    loads = _Loads({path: source for path, source in sources.items() if any(word in source for word in _WORDS)})
    if not loads.sources:
        return code
    try:
        graph = Graph.of(stages)
    except PipelineError:
        return code  # it is told when the graph is needed
    found = dict(code)
    for name in graph.order:
        writers = graph.upstreams[name]
        if writers and any(map(loads, code[name].manifest)):
            action = stages[name].action
            held = [(found[writer], _key(stages[writer])) for writer in writers if _has_classes(found[writer])]
            found[name] = _joined(found[name], f"{action.module}.{action.qualname}", held)
    return found


def _has_classes(code: Fingerprint) -> bool:
    return any(key.startswith("class:") for key in code.manifest)


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
    """Whether what a key of a manifest names loads pickles; `sources` are those that may, by path."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.sources = sources
        self._known: dict[str, bool] = {}
        self._modules: dict[str, _Module | None] = {}

    def __call__(self, key: str) -> bool:
        if key not in self._known:
            kind, _, name = key.partition(":")
            self._known[key] = kind in ("func", "class", "value") and self._loads(name.partition(".<locals>")[0])
        return self._known[key]

    def _loads(self, name: str) -> bool:
        parts = name.split(".")
        for count in range(len(parts) - 1, 0, -1):
            module = self._module("/".join(parts[:count]))
            if module is not None:
                return module.loads(parts[count:])
        return False

    def _module(self, place: str) -> _Module | None:
        if place not in self._modules:
            ends = (f"/{place}.py", f"/{place}/__init__.py")
            source = next((source for path, source in self.sources.items() if f"/{path}".endswith(ends)), None)
            self._modules[place] = None if source is None else _Module.of(source)
        return self._modules[place]


@attrs.frozen
class _Module:
    """A module that may load pickles: its tree, and what its imports bind, as "library" or "library.name"."""

    tree: ast.Module
    imported: Mapping[str, str]

    @classmethod
    def of(cls, source: bytes) -> _Module | None:
        """None for what is no Python."""
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return None
        imported: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.asname or alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                library = node.module.split(".")[0]
                imported |= {alias.asname or alias.name: f"{library}.{alias.name}" for alias in node.names}
        return cls(tree, imported)

    def loads(self, names: list[str]) -> bool:
        """Whether the definition of that name does; what it is in stands for one that is not in the source."""
        found: Sequence[ast.AST] = [self.tree]
        for name in names:
            inner = [node for scope in found for node in _definitions(scope) if name in _bound(node)]
            if not inner:
                break
            found = inner
        return any(self._does(node) for scope in found for node in ast.walk(scope))

    def _does(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            library, _, name = self.imported.get(node.id, "").partition(".")
            return library in _LIBRARIES and name in _LOADING
        if not isinstance(node, ast.Attribute):
            return False
        if node.attr == _READING:
            return True
        root: ast.AST = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        known = self.imported.get(root.id, "") if isinstance(root, ast.Name) else ""
        return node.attr in _LOADING and known.partition(".")[0] in _LIBRARIES


def _definitions(scope: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a scope that may bind a name, those within others too."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.stmt):
            yield node
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _definitions(node)
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            yield from _definitions(node)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
