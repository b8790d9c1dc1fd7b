"""Definitions by their source alone → the content of nodes, for modules that only code that runs later will load.

What a name holds is all the statements that define it, under their conditions, and those of its module that change it.
"""

import ast
from collections.abc import Iterator

from pivot_fingerprint.effects import Effects
from pivot_fingerprint.graph import Content, Key
from pivot_fingerprint.links import Linker, Names
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import Binding, SourceModule
from pivot_fingerprint.parts import Part
from pivot_fingerprint.project import Project
from pivot_fingerprint.resolve import StaticNames
from pivot_fingerprint.trees import FunctionNode, is_literal

_PLAIN_BASES = ("abc.", "enum.", "typing.Generic", "typing.Protocol", "collections.abc.", "contextlib.", "threading.")


class StaticDefinitions:
    """Makes the content of nodes from source."""

    def __init__(
        self, project: Project, locator: Locator, static: StaticNames, linker: Linker, effects: Effects
    ) -> None:
        self._project = project
        self._locator = locator
        self._static = static
        self._linker = linker
        self._effects = effects

    def content(self, source: SourceModule, name: str) -> tuple[Content, str, int]:
        """The content, kind and first line of a name of a module, or of "Class.method"."""
        if "." in name:
            return self._method(source, name)
        content = self.statements(source, name)
        bindings = source.bindings.get(name, [])
        kinds = {binding.kind for binding in bindings}
        kind = "func" if kinds == {"def"} else "class" if kinds == {"class"} else "value"
        self.add_mutations(content, source, ("static", source.name, name))
        if kind == "value" and (len(bindings) != 1 or self.stated(source, name) is None):
            content.note("by its defining statement: the module is not loaded for it")
        return content, kind, bindings[0].line if bindings else 0

    def statements(self, source: SourceModule, name: str) -> Content:
        """The statements that define the name, with their conditions."""
        content = Content()
        for binding in source.bindings.get(name, ()):
            self._add_binding(content, source, name, binding)
        return content

    def add_mutations(self, content: Content, source: SourceModule, key: Key) -> None:
        """The statements of `source` that change what the name of `key` holds."""
        names = self._linker.static_names(source.name)
        for statement in self._effects.mutations(source.name).get(key, ()):
            content.trees.append(statement.node)
            if statement.definition:
                content.add(statement.part.digest, statement.definition)
                content.edges[("static", source.name, statement.definition)] = None
            else:
                self._linker.add(content, statement.part, names)

    def stated(self, source: SourceModule, name: str) -> ast.expr | ast.stmt | None:
        """What a name is set to by one unconditional statement, if nothing changes it: a definition or a literal; else
        None."""
        bindings = source.bindings.get(name, [])
        if len(bindings) != 1 or bindings[0].guards:
            return None
        node = bindings[0].node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return node
        if ("static", source.name, name) in self._effects.mutations(source.name):
            return None
        is_plain = isinstance(node, ast.AnnAssign) or (
            isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets)
        )
        value = node.value if is_plain and isinstance(node, ast.Assign | ast.AnnAssign) else None
        return value if value is not None and is_literal(value) else None

    # -- by kind ------------------------------------------------------------------------------------------------

    def _add_binding(self, content: Content, source: SourceModule, name: str, binding: Binding) -> None:
        names = self._linker.static_names(source.name)
        for guard in binding.guards:
            self._linker.add(content, source.expression(guard), names)
        node = binding.node
        content.trees.append(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and binding.kind == "def":
            self._add_function(content, source, node, names)
        elif isinstance(node, ast.ClassDef) and binding.kind == "class":
            self._add_class(content, source, node, names)
        elif binding.kind == "import":
            content.link(name, self._static.of_module(*binding.ref))
        else:
            self._linker.add(content, source.statement(node), names)

    def _add_function(self, content: Content, source: SourceModule, node: FunctionNode, names: Names) -> None:
        part = source.function(node)
        self._linker.add(content, part, names)
        self._linker.note_variables(content, part)
        self._linker.add_decorators(content, source, node, names)

    def _add_class(self, content: Content, source: SourceModule, node: ast.ClassDef, names: Names) -> None:
        self._linker.add(content, source.class_shell(node), names)
        self._linker.add_decorators(content, source, node, names)
        if self._reads_fields(source, node, set()):
            self._linker.add(content, source.annotations(node), names)
        content.answer(("static", source.name, node.name))
        methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
        for method in sorted(methods):
            content.add("method", method)
            content.edges[("static", source.name, f"{node.name}.{method}")] = None

    def _method(self, source: SourceModule, name: str) -> tuple[Content, str, int]:
        content = Content()
        names = self._linker.static_names(source.name)
        line = 0
        for node in source.functions_named(name):
            line = line or node.lineno
            content.trees.append(node)
            self._add_function(content, source, node, names)
        return content, "func", line

    def _reads_fields(self, source: SourceModule, node: ast.ClassDef, seen: set[int]) -> bool:
        """Whether something reads the annotations of the class: a decorator, a metaclass, a base that is known to."""
        if node.decorator_list or node.keywords or any(source.functions_named(f"{node.name}.__init_subclass__")):
            return True
        seen.add(id(node))
        for part in (source.expression(base) for base in node.bases):
            for target in self._targets(source, part):
                if target[0] is None or target[0][0] != "static":
                    if target[1] and not target[1].startswith(_PLAIN_BASES):
                        return True
                    continue
                above = self._locator.source(target[0][1])
                for binding in above.bindings.get(target[0][2], ()) if above is not None else ():
                    is_class = isinstance(binding.node, ast.ClassDef) and id(binding.node) not in seen
                    if above and is_class and self._reads_fields(above, binding.node, seen):  # type: ignore[arg-type] # is_class
                        return True
        return False

    def _targets(self, source: SourceModule, part: Part) -> Iterator[tuple[Key | None, str]]:
        for module, chain in part.refs:
            found = self._static.of_module(module, chain) if module else self._static.in_module(source.name, chain)
            for target in found:
                yield target.key, target.label
