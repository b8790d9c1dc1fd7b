"""What a piece of source uses → links and edges of the node it belongs to."""

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from pivot_fingerprint.effects import Effects
from pivot_fingerprint.graph import DEFINITION_TAGS, Content, Key, Target
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import Decorator, SourceModule
from pivot_fingerprint.parts import Chain, Dynamic, Part, Ref
from pivot_fingerprint.queries import names_in_query
from pivot_fingerprint.references import looks_up
from pivot_fingerprint.resolve import StaticNames, static_key
from pivot_fingerprint.trees import REGISTERING, FunctionNode


class Names(Protocol):
    """What names mean where a piece of source stands."""

    @property
    def module(self) -> str: ...

    @property
    def mode(self) -> str:
        """ "live" where names are looked up in the loaded modules, "static" where in their source."""
        ...

    def resolve(self, chain: Chain) -> Iterable[Target]: ...

    def text(self, chain: Chain) -> str | None:
        """The string that the chain is known to hold."""
        ...


class Linker:
    """Adds pieces of source to nodes."""

    def __init__(self, locator: Locator, static: StaticNames, effects: Effects) -> None:
        self._locator = locator
        self._static = static
        self._effects = effects

    def add(self, content: Content, part: Part, names: Names, leave: frozenset[Ref] = frozenset()) -> None:
        """Add what `part` does and everything it uses, but for the references to `leave`."""
        content.add(part.digest)
        for local, imported in sorted(part.labels):
            content.add(f"{local}<{imported}")
        refs = sorted(part.refs - leave if leave else part.refs)
        found = [(module, chain, tuple(self._targets(module, chain, names))) for module, chain in refs]
        reads = part.reads | {what for _, _, targets in found for what in _looked_up_by(targets)}
        content.reads.update(reads)
        for module, chain, targets in found:
            content.link(f"{module}:{'.'.join(chain)}", targets)
            self._add_readings(content, reads, targets)
            if (module, chain) in part.values:
                content.hold_definitions(target for target in targets if len(chain) < 2 or _is_named(target, chain[-1]))
        for module in sorted(part.executes):
            if self._locator.locate(module).owner == "project":
                content.edges[("import", module, "static")] = None
        for dynamic in part.dynamic:
            self._add_dynamic(content, dynamic, names)

    def note_variables(self, content: Content, function: Part) -> None:
        """Note which environment variables a function reads: what they are when it runs counts nowhere."""
        for name in sorted(function.variables):
            what = f"the variable {name}" if name else "variables with computed names"
            content.note(f"reads {what} from the environment while it runs: its value does not count")

    def _targets(self, module: str, chain: Chain, names: Names) -> Iterable[Target]:
        if module == "import":
            return self._import_attempt(chain)
        return self._static.of_module(module, chain) if module else names.resolve(chain)

    def _import_attempt(self, chain: Chain) -> Iterable[Target]:
        location = self._locator.locate(chain[0])
        if location.owner == "project":
            return ()
        return self._static.outside(location, chain[1:])

    def _add_readings(self, content: Content, reads: frozenset[str], targets: Iterable[Target]) -> None:
        for target in targets:
            if target.key is None or not _is_definition(target):
                continue
            for what in ("annotations", "doc", "subclasses"):
                if what in reads:
                    content.edges[(what, *target.key)] = None
            if "text" in reads:
                content.edges[("file", self._locator.locate(target.key[1]).path)] = None

    def _add_dynamic(self, content: Content, dynamic: Dynamic, names: Names) -> None:
        if dynamic.what in ("globals", "eval", "exec"):
            content.edges[("whole", names.module, names.mode)] = None
            content.note(f"{dynamic.what}() at run time: all of {names.module} counts")
            return
        known = names.text(dynamic.argument) if dynamic.argument else None
        if dynamic.what == "query":
            for chain in names_in_query(known or ""):
                content.link(f"@{'.'.join(chain)}", names.resolve(chain))
            return
        if known:
            content.link("", self._static.of_module(known, ()))
            return
        package = dynamic.prefix.rpartition(".")[0]
        if dynamic.module:
            targets = tuple(names.resolve(dynamic.module))
            if len(targets) == 1 and targets[0].key is not None and targets[0].key[0] == "whole":
                package = targets[0].key[1]
        content.edges[("package", package)] = None
        content.note(f"{dynamic.what}() with a computed name: all of {package or 'the project'} counts")

    def add_decorators(
        self, content: Content, source: SourceModule, node: FunctionNode | ast.ClassDef, names: Names
    ) -> None:
        """Add the decorators of a definition, but for those of packages that never count."""
        for decorator in source.decorators(node):
            targets = tuple(names.resolve(decorator.chain)) if decorator.chain else ()
            if targets and all(target.key is None and not target.label for target in targets):
                continue
            self._add_decorator(content, source, decorator, names)
            if decorator.chain and decorator.chain[-1] in REGISTERING:
                self.add(content, source.annotations(node), names)

    def _add_decorator(self, content: Content, source: SourceModule, decorator: Decorator, names: Names) -> None:
        """Add a decorator, but not the registries that it enters things in: these count for who looks into them.

        What it made of the definition is seen where that is loaded; by its source, it has to give it back as it was.
        """
        changed = self._effects.changed_by_decorator(source.name, decorator.part)
        if not changed or (names.mode == "static" and not self._effects.gives_back(source.name, decorator)):
            self.add(content, decorator.part, names)
            return
        found = Content()
        self.add(found, decorator.part, names)
        content.tokens += found.tokens
        content.reads |= found.reads
        content.notes.update(found.notes)
        for edge in self.without(found.edges, changed):
            content.edges[edge] = None

    def without(self, edges: Iterable[Key], changed: Collection[Key]) -> Iterator[Key]:
        """The edges of a decorator without the values that it changes: their first statements count, and its code."""
        for edge in edges:
            key = static_key(edge[1], edge[2]) if edge[0] in ("live", "static") else None
            if key is None:
                yield edge
            elif key in changed:
                yield ("stated", *key[1:])
            elif self._effects.decorator_changes(key):
                yield ("registering", *edge)
            else:
                yield edge

    def static_names(self, module: str) -> "ModuleNames":
        return ModuleNames(self._static, module)


def _looked_up_by(targets: Iterable[Target]) -> Iterator[str]:
    """What functions of libraries look up, whatever they are called where they are used: `signature as sig`."""
    for target in targets:
        what = looks_up(target.label.rpartition(".")[2]) if not _is_definition(target) else None
        if what is not None and what not in ("file", "input", "named file"):
            yield what


def _is_definition(target: Target) -> bool:
    return target.key is not None and target.key[0] in DEFINITION_TAGS


def _is_named(target: Target, name: str) -> bool:
    return target.key is not None and target.key[-1].rpartition(".")[2] == name


class ModuleNames:
    """Names as the source of a module says."""

    mode = "static"

    def __init__(self, static: StaticNames, module: str) -> None:
        self._static = static
        self.module = module

    def resolve(self, chain: Chain) -> Iterable[Target]:
        return self._static.in_module(self.module, chain)

    def text(self, chain: Chain) -> str | None:
        return self._static.literal_text(self.module, chain)
