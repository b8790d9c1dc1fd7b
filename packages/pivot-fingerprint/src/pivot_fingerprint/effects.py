"""What importing a module does beyond defining its names, by its source.

Two kinds of statements at the top of a module matter to code that does not name them. One changes something outside
the project (`np.random.seed(0)`, `os.environ["X"] = "1"`, a call of a project function that does such a thing): it
counts for all code whose modules import this one. The other changes what a name of the project holds (`REGISTRY["x"]
= f`, `@register`, a subclass that its base keeps a list of): where the name is read from a loaded module its value
shows it; where it is read from source the statement counts together with the name.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from pivot_fingerprint.graph import Key
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import Decorator, Guards, SourceModule
from pivot_fingerprint.parts import Part, Ref
from pivot_fingerprint.resolve import StaticNames, Targets, static_key
from pivot_fingerprint.trees import returns_argument

_HARMLESS: Final = (
    "logging.",
    "warnings.warn",
    "atexit.",
    "time.sleep",
    "sys.path.",
    "faulthandler.",
    "pprint.",
    "functools.",
)


@attrs.frozen(eq=False)
class TopLevel:
    """A statement at the top of a module: as it is, or the decorators of a definition, or a class with its bases."""

    part: Part
    node: ast.stmt
    guards: Guards
    definition: str = ""
    """The name that the statement defines, if it is a definition."""
    is_class: bool = False
    """Whether it is a class with its bases, not a decorator."""


class Effects:
    """Analyses modules and functions, each once."""

    def __init__(self, locator: Locator, static: StaticNames) -> None:
        self._locator = locator
        self._static = static
        self._outside: dict[Key, bool] = {}
        self._changes: dict[Key, frozenset[Key]] = {}
        self._statements: dict[str, tuple[TopLevel, ...]] = {}
        self._mutators: dict[str, dict[Key, list[TopLevel]]] = {}

    def outside(self, module: str) -> Iterator[TopLevel]:
        """The statements of the module that change something outside the project."""
        source = self._locator.source(module)
        if source is None:
            return
        for statement in self._top_level(source):
            if statement.definition:
                if self._registers_outside(module, statement):
                    yield statement
            elif self._acts_outside(module, statement.part):
                yield statement

    def mutations(self, module: str) -> dict[Key, list[TopLevel]]:
        """The statements of the module that change what project names hold, by the static key of the name."""
        found = self._mutators.get(module)
        if found is None:
            found = self._mutators[module] = {}
            source = self._locator.source(module)
            for statement in self._top_level(source) if source is not None else ():
                for key in self._changed_by(module, statement):
                    found.setdefault(key, []).append(statement)
        return found

    # -- statements ---------------------------------------------------------------------------------------------

    def _top_level(self, source: SourceModule) -> tuple[TopLevel, ...]:
        found = self._statements.get(source.name)
        if found is None:
            statements = [TopLevel(source.statement(node, guards), node, guards) for guards, node in source.statements]
            statements += self._definitions(source)
            found = self._statements[source.name] = tuple(sorted(statements, key=lambda item: item.node.lineno))
        return found

    def _definitions(self, source: SourceModule) -> Iterator[TopLevel]:
        for name, bindings in source.bindings.items():
            for binding in bindings:
                node = binding.node
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and binding.kind == "def":
                    for decorator in source.decorators(node):
                        yield TopLevel(decorator.part, node, binding.guards, name)
                elif isinstance(node, ast.ClassDef) and binding.kind == "class":
                    for decorator in source.decorators(node):
                        yield TopLevel(decorator.part, node, binding.guards, name)
                    if node.bases or node.keywords:
                        yield TopLevel(source.class_shell(node), node, binding.guards, name, is_class=True)

    def _targets(self, module: str, ref: Ref) -> Targets:
        return self._static.of_module(*ref) if ref[0] else self._static.in_module(module, ref[1])

    # -- outside the project ------------------------------------------------------------------------------------

    def _acts_outside(self, module: str, part: Part) -> bool:
        if any(self._is_outside(module, ref) for ref in part.stores):
            return True
        if any(self._is_outside(module, ref) for ref in part.discarded):
            return True
        return any(self._function_acts_outside(key) for key in self._called(module, part))

    def _is_outside(self, module: str, ref: Ref) -> bool:
        for target in self._targets(module, ref):
            is_own = target.key is not None and target.key[0] in ("static", "whole", "missing")
            if target.label and not is_own and not target.label.startswith(_HARMLESS):
                return "." in target.label
        return False

    def _registers_outside(self, module: str, statement: TopLevel) -> bool:
        for ref in statement.part.calls | statement.part.refs:
            if "register" in ref[1][-1] and self._is_outside(module, ref):
                targets = self._targets(module, ref)
                return not any(target.label.startswith("functools.") for target in targets)
        return not isinstance(statement.node, ast.ClassDef) and any(
            self._function_acts_outside(key) for key in self._called(module, statement.part)
        )

    def _called(self, module: str, part: Part) -> Iterator[Key]:
        """The project functions, and methods of project classes, that a piece of source calls."""
        for ref in part.calls:
            for target in self._targets(module, ref):
                if target.key is None or target.key[0] != "static":
                    continue
                yield target.key
                if ref[1][-1] != target.key[2]:
                    yield static_key(target.key[1], f"{target.key[2]}.{ref[1][-1]}")

    def _function_acts_outside(self, key: Key) -> bool:
        if key not in self._outside:
            self._outside[key] = False
            self._outside[key] = any(self._acts_outside(key[1], part) for part in self._bodies(key))
        return self._outside[key]

    def _bodies(self, key: Key) -> Iterator[Part]:
        source = self._locator.source(key[1])
        if source is not None:
            for node in source.functions_named(key[2]):
                yield source.function(node)

    # -- names of the project -----------------------------------------------------------------------------------

    def _changed_by(self, module: str, statement: TopLevel) -> Iterable[Key]:
        part = statement.part
        changed = set(self._changes_of(module, part))
        if statement.is_class:
            changed |= self._noticing_bases(module, part)
        elif statement.definition:
            changed |= self.changed_by_decorator(module, part)
        if statement.definition:
            changed.discard(static_key(module, statement.definition))
        for ref in part.discarded:
            if any(target.key is not None and target.key[0] == "static" for target in self._targets(module, ref)):
                changed |= self._value_targets(module, part)
        return changed

    def _changes_of(self, module: str, part: Part) -> frozenset[Key]:
        changed: set[Key] = {static_key(module, name) for name in part.rebinds}
        for ref in part.stores:
            changed |= self._static_keys(module, (ref[0], ref[1]))
        for ref in part.discarded:
            if len(ref[1]) > 1:
                changed |= self._static_keys(module, (ref[0], ref[1][:-1]))
        for key in self._called(module, part):
            changed |= self.function_changes(key)
        return frozenset(changed)

    def function_changes(self, key: Key) -> frozenset[Key]:
        """The names of the project whose values a function changes, by itself or by those it calls."""
        if key not in self._changes:
            self._changes[key] = frozenset()
            found: set[Key] = set()
            for part in self._bodies(key):
                found |= self._changes_of(key[1], part)
            self._changes[key] = frozenset(found)
        return self._changes[key]

    def changed_by_decorator(self, module: str, part: Part) -> set[Key]:
        """`@registry.register("x")` changes `registry`; `@register` changes what `register` changes."""
        changed: set[Key] = set()
        for ref in part.refs:
            changed |= {key for key in self._static_keys(module, ref) if len(ref[1]) > 1}
            for key in self._static_keys(module, ref):
                changed |= self.function_changes(key)
        return changed

    def gives_back(self, module: str, decorator: Decorator) -> bool:
        """Whether the decorator, as its source says, returns the very thing that it decorates."""
        keys = self._static_keys(module, ("", decorator.chain)) if decorator.chain else set()
        if len(decorator.chain) > 1:
            keys = {
                static_key(cls[1], f"{cls[2]}.{decorator.chain[-1]}")
                for owner in self._static_keys(module, ("", decorator.chain))
                for cls in self._made_by(owner)
            }
        bodies = [
            node for key in keys if (source := self._locator.source(key[1])) for node in source.functions_named(key[2])
        ]
        return bool(bodies) and all(returns_argument(node) for node in bodies)

    def _made_by(self, key: Key) -> Iterator[Key]:
        """What is called by the statements that give a name its value: a class, for an instance."""
        source = self._locator.source(key[1])
        for binding in source.bindings.get(key[2], ()) if source is not None else ():
            if source is not None and binding.kind == "assign":
                yield from self._called(key[1], source.statement(binding.node))

    def _noticing_bases(self, module: str, part: Part) -> set[Key]:
        """The bases of a class that get to know of it: by `__init_subclass__`, a metaclass or `__subclasses__`."""
        return {key for ref in part.refs for key in self._static_keys(module, ref) if self._notices(key, set())}

    def _notices(self, key: Key, seen: set[Key]) -> bool:
        source = self._locator.source(key[1])
        if source is None or key in seen:
            return False
        seen.add(key)
        for binding in source.bindings.get(key[2], ()):
            if not isinstance(binding.node, ast.ClassDef):
                continue
            is_told = any(source.functions_named(f"{key[2]}.__init_subclass__"))
            if binding.node.keywords or is_told or source.asks_for_subclasses:
                return True
            for base in source.class_shell(binding.node).refs:
                if any(self._notices(above, seen) for above in self._static_keys(key[1], base)):
                    return True
        return False

    def _static_keys(self, module: str, ref: Ref) -> set[Key]:
        found = self._targets(module, ref)
        return {target.key for target in found if target.key is not None and target.key[0] == "static"}

    def _value_targets(self, module: str, part: Part) -> set[Key]:
        return {key for ref in part.refs for key in self._static_keys(module, ref) if self._is_assigned(key)}

    def _is_assigned(self, key: Key) -> bool:
        source = self._locator.source(key[1])
        return source is not None and any(item.kind == "assign" for item in source.bindings.get(key[2], ()))
