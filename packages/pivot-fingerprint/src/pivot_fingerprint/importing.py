"""What importing a module does, and the modules that it imports in turn → nodes."""

import ast
from collections.abc import MutableMapping

from pivot_fingerprint.effects import Effects
from pivot_fingerprint.graph import Content, Key, Node
from pivot_fingerprint.links import Linker
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.project import Project
from pivot_fingerprint.statics import StaticDefinitions


class Importing:
    """Nodes about modules as they are imported: `trees` is where the source of nodes is kept, by their digests."""

    def __init__(
        self,
        project: Project,
        locator: Locator,
        effects: Effects,
        linker: Linker,
        static: StaticDefinitions,
        trees: MutableMapping[str, list[ast.AST]],
    ) -> None:
        self._project = project
        self._locator = locator
        self._effects = effects
        self._linker = linker
        self._static = static
        self._trees = trees

    def module(self, key: Key) -> Node:
        """A module of the project that is imported."""
        _, module, mode = key
        content = Content()
        source = self._locator.source(module)
        parent = module.rpartition(".")[0]
        if parent and self._locator.locate(parent).owner == "project":
            content.edges[("import", parent, mode)] = None
        if source is None:
            return content.node("", module)
        for imported in source.executes:
            if imported != module and self._locator.locate(imported).owner == "project":
                content.edges[("import", imported, mode)] = None
        line = 0
        labels: dict[str, None] = {}
        for statement in self._effects.outside(module):
            line = line or statement.node.lineno
            content.add(statement.label)
            labels[statement.label] = None
            content.edges[("effect", module, statement.label)] = None
        if mode == "static":
            self._add_mutations(module, content)
        kind = "import" if len(labels) > 1 else ""  # of several their order counts
        return content.node(kind, module, file=self._project.show(source.path), line=line)

    def effect(self, key: Key) -> Node:
        """Statements of a module that change something outside the project when it is imported, by their label."""
        _, module, label = key
        source = self._locator.source(module)
        assert source is not None
        content = Content()
        line = 0
        for statement in self._effects.outside(module):
            if statement.label != label:
                continue
            line = line or statement.node.lineno
            self._linker.add(content, statement.part, self._linker.static_names(module))
            content.trees.append(statement.node)
            if statement.definition:
                content.edges[("static", module, statement.definition)] = None
        self._trees.setdefault(content.digest, content.trees)
        return content.node("effect", f"{module}:{label}", file=self._project.show(source.path), line=line)

    def mutations(self, key: Key) -> Node:
        """Statements by which a module changes what another one defines."""
        _, module, owner, name = key
        content = Content()
        source = self._locator.source(module)
        assert source is not None
        self._static.add_mutations(content, source, ("static", owner, name))
        self._trees.setdefault(content.digest, content.trees)
        line = min((getattr(tree, "lineno", 0) for tree in content.trees), default=0)
        return content.node("mutation", f"{module}:{owner}.{name}", file=self._project.show(source.path), line=line)

    def _add_mutations(self, module: str, content: Content) -> None:
        for key in self._effects.mutations(module):
            if key[1] != module:
                node: Key = ("mutations", module, key[1], key[2])
                content.conditional[(key, node)] = None
                content.conditional[(("live", *key[1:]), node)] = None
