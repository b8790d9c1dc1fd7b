"""What importing a module does beyond defining its names, by its source.

Two kinds of statements at the top of a module matter to code that does not name them. One changes something outside
the project (`np.random.seed(0)`, `os.environ["X"] = "1"`, a call of a project function that does such a thing): it
counts for all code whose modules import this one. The other changes what a name of the project holds (`REGISTRY["x"]
= f`, `@register`, a subclass that its base keeps a list of): where the name is read from a loaded module its value
shows it; where it is read from source the statement counts together with the name.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from pivot_fingerprint.graph import Key
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import Decorator, Guards, SourceModule
from pivot_fingerprint.parts import Acts, Part, Ref
from pivot_fingerprint.resolve import StaticNames, Targets, static_key
from pivot_fingerprint.trees import holder_of, returns_argument

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

_WORD: Final = re.compile(r"[\w.-]{1,60}")
_MAKING: Final = ("__init__", "__new__", "__post_init__")
"""The methods that calling a class calls."""


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

    @property
    def label(self) -> str:
        """What to call the statement among those of its module, wherever it stands: by what it calls or sets."""
        if self.definition:
            return self.definition
        node = self.node
        said = node.value if isinstance(node, ast.Expr) else node.targets[0] if isinstance(node, ast.Assign) else node
        holder = holder_of(said)
        if holder is None:
            return type(node).__name__.lower()
        of = said.args[:1] if isinstance(said, ast.Call) else [said.slice] if isinstance(said, ast.Subscript) else []
        words = [item.value for item in of if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        return ".".join((*holder, *(word for word in words if _WORD.fullmatch(word))))


class Effects:
    """Analyses modules and functions, each once."""

    def __init__(self, locator: Locator, static: StaticNames) -> None:
        self._locator = locator
        self._static = static
        self._outside: dict[tuple[Key, bool], bool] = {}
        self._changes: dict[tuple[Key, bool], frozenset[Key]] = {}
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
            elif self._acts_outside(module, statement.part.acts):
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

    def _acts_outside(self, module: str, acts: Acts) -> bool:
        if any(self._is_outside(module, ref) for ref in (*acts.stores, *acts.discarded)):
            return True
        return any(self._function_acts_outside(*called) for called in self._called(module, acts))

    def _is_outside(self, module: str, ref: Ref) -> bool:
        for target in self._targets(module, ref):
            is_own = target.key is not None and target.key[0] in ("static", "whole", "missing")
            if target.label and not is_own and not target.label.startswith(_HARMLESS):
                return "." in target.label
        return False

    def _registers_outside(self, module: str, statement: TopLevel) -> bool:
        part = statement.part
        for ref in part.acts.calls | part.refs:
            if "register" in ref[1][-1] and self._is_outside(module, ref):
                targets = self._targets(module, ref)
                return not any(target.label.startswith("functools.") for target in targets)
        return not isinstance(statement.node, ast.ClassDef) and any(
            self._function_acts_outside(key, True) for key, _ in self._called(module, part.acts)
        )

    def _called(self, module: str, acts: Acts) -> Iterator[tuple[Key, bool]]:
        """The project functions, and methods of project classes, that are called; whether what they return is called
        as well."""
        for ref in acts.calls:
            for key in self._static_keys(module, ref):
                yield key, ref in acts.applied
                name = ref[1][-1]
                owners = (key, *self._made_by(key)) if len(ref[1]) > 1 else (key,)
                for owner in owners:
                    for method in (name, *_MAKING):
                        yield static_key(owner[1], f"{owner[2]}.{method}"), False

    def _function_acts_outside(self, key: Key, is_applied: bool) -> bool:
        found = self._outside.get((key, is_applied))
        if found is None:
            self._outside[key, is_applied] = False
            found = any(self._acts_outside(key[1], acts) for acts in self._bodies(key, is_applied))
            self._outside[key, is_applied] = found
        return found

    def _bodies(self, key: Key, is_applied: bool) -> Iterator[Acts]:
        """What a function does; if what it returns is called, what that does too."""
        source = self._locator.source(key[1])
        if source is not None:
            for part in source.bodies_named(key[2]):
                yield part.acts
                if is_applied:
                    yield part.later

    # -- names of the project -----------------------------------------------------------------------------------

    def _changed_by(self, module: str, statement: TopLevel) -> Iterable[Key]:
        part = statement.part
        changed = self._changes_of(module, part.acts)
        changed |= {meant for key in changed if key[1] == module for meant in self._meant_by(key)}
        changed |= {static_key(module, name) for name in part.rebinds}
        if statement.is_class:
            changed |= self._noticing_bases(module, part)
        elif statement.definition:
            changed |= self.changed_by_decorator(module, part)
        if statement.definition:
            changed.discard(static_key(module, statement.definition))
        for ref in part.acts.discarded:
            if any(target.key is not None and target.key[0] == "static" for target in self._targets(module, ref)):
                changed |= self._value_targets(module, part)
        return changed

    def _changes_of(self, module: str, acts: Acts) -> set[Key]:
        changed: set[Key] = set()
        for ref in acts.stores:
            changed |= self._static_keys(module, ref)
        for ref in acts.discarded:
            if len(ref[1]) > 1:
                changed |= self._static_keys(module, (ref[0], ref[1][:-1]))
        for called in self._called(module, acts):
            changed |= self._changed_when_called(*called)
        return changed

    def decorator_changes(self, key: Key) -> frozenset[Key]:
        """The names of the project whose values a function changes as a decorator: by itself, by those it calls, and
        by what it returns."""
        return self._changed_when_called(key, True)

    def _changed_when_called(self, key: Key, is_applied: bool) -> frozenset[Key]:
        known = self._changes.get((key, is_applied))
        if known is None:
            self._changes[key, is_applied] = frozenset()
            found: set[Key] = set()
            for acts in self._bodies(key, is_applied):
                found |= self._changes_of(key[1], acts)
            found |= self._rebound_by(key)
            known = self._changes[key, is_applied] = frozenset(found)
        return known

    def _rebound_by(self, key: Key) -> set[Key]:
        source = self._locator.source(key[1])
        bodies = source.bodies_named(key[2]) if source is not None else ()
        return {static_key(key[1], name) for part in bodies for name in part.rebinds}

    def changed_by_decorator(self, module: str, part: Part) -> set[Key]:
        """`@registry.register("x")` changes `registry`; `@register` changes what `register` changes."""
        changed: set[Key] = set()
        for ref in part.refs:
            changed |= {key for key in self._static_keys(module, ref) if len(ref[1]) > 1}
            for key in self._static_keys(module, ref):
                changed |= self.decorator_changes(key)
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
                for ref in source.statement(binding.node).acts.calls:
                    yield from self._static_keys(key[1], ref)

    def _meant_by(self, key: Key) -> Iterator[Key]:
        """What else a name of a module may stand for: `for cls in (One, Other)`, `alias = REGISTRY`."""
        source = self._locator.source(key[1])
        for binding in source.bindings.get(key[2], ()) if source is not None else ():
            if source is not None and binding.kind == "assign":
                for ref in source.statement(binding.node).values:
                    yield from self._static_keys(key[1], ref)

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
