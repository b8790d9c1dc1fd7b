"""What code looks up about definitions while it runs: annotations, docstrings, subclasses."""

import ast
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pivot_fingerprint.definitions import LiveDefinitions
from pivot_fingerprint.graph import DEFINITION_TAGS, Content, Key, Node
from pivot_fingerprint.kinds import innermost, is_a
from pivot_fingerprint.links import Linker, ModuleNames
from pivot_fingerprint.live import MISSING, FunctionNames, LiveModules
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.project import Project
from pivot_fingerprint.trees import chain_of, docstring_of

_NOTHING: Final = Node("", "", "")


class LookedUp:
    """Nodes about definitions: `objects` are those that have a key of their own, by its last part."""

    def __init__(
        self,
        project: Project,
        locator: Locator,
        modules: LiveModules,
        definitions: LiveDefinitions,
        linker: Linker,
        objects: Mapping[str, object],
    ) -> None:
        self._project = project
        self._locator = locator
        self._modules = modules
        self._definitions = definitions
        self._linker = linker
        self._objects = objects

    def annotations(self, key: Key) -> Node:
        content = Content()
        place = ("", 0)
        for source, node, names in self._trees_of(key[1:]):
            place = place if place[1] else (self._show(source), node.lineno)
            self._linker.add(content, source.annotations(node), names)
            if isinstance(node, ast.ClassDef):
                self._add_parts(content, source, node, names)
        kind = "annotations" if content.tokens else ""
        return content.node(kind, ".".join(key[2:]), file=place[0], line=place[1])

    def _add_parts(
        self, content: Content, source: SourceModule, node: ast.ClassDef, names: FunctionNames | ModuleNames
    ) -> None:
        """The annotations of a class's methods, and those of its bases: `get_type_hints` gives these as well."""
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                self._linker.add(content, source.annotations(method), names)
        for base in node.bases:
            chain = chain_of(base.value if isinstance(base, ast.Subscript) else base)
            for target in names.resolve(chain) if chain is not None else ():
                if target.key is not None and target.key[0] in DEFINITION_TAGS:
                    content.edges[("annotations", *target.key)] = None

    def doc(self, key: Key) -> Node:
        content = Content()
        place = ("", 0)
        for source, node, _ in self._trees_of(key[1:]):
            place = place if place[1] else (self._show(source), node.lineno)
            content.add(docstring_of(node))
        if not content.tokens:
            return _NOTHING
        return content.node("doc", ".".join(key[2:]), file=place[0], line=place[1])

    def _show(self, source: SourceModule) -> str:
        return self._project.show(source.path)

    def subclasses(self, key: Key) -> Node:
        content = Content()
        value = self._modules.find(key[2], ".".join(key[3:])) if key[1] != "static" else MISSING
        for cls in _all_subclasses(value) if is_a(value, type) else ():
            for target in self._definitions.of_object(cls) or ():
                if target.key is not None:
                    content.edges[target.key] = None
        return content.node("", "")

    def parameter_types(self, key: Key) -> Iterator[Key]:
        """The definitions that the annotations of a function's parameters name: who calls it may make these."""
        for source, node, names in self._trees_of(key):
            if not isinstance(node, ast.ClassDef):
                content = Content()
                self._linker.add(content, source.parameters(node), names)
                yield from (edge for edge in content.edges if edge[0] in DEFINITION_TAGS)

    def _trees_of(self, key: Key) -> Iterator[tuple[SourceModule, Any, FunctionNames | ModuleNames]]:
        if key[0] == "static":
            source = self._locator.source(key[1])
            for binding in source.bindings.get(key[2], ()) if source is not None else ():
                if source is not None and binding.kind in ("def", "class"):
                    yield source, binding.node, self._linker.static_names(key[1])
            return
        value = self._objects.get(key[1]) if key[0] == "object" else self._modules.find(key[1], ".".join(key[2:]))
        if is_a(value, type):
            found = self._definitions.class_tree(value)
            if found is not None:
                yield *found, FunctionNames(self._modules, value.__module__)
            return
        function = innermost(value)
        if is_a(function, types.FunctionType):
            tree = self._definitions.tree_of(function)
            if tree is not None:
                yield *tree, self._definitions.names_of(function)


def _all_subclasses(cls: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(cls)
    for subclass in subclasses:
        yield subclass
        yield from _all_subclasses(subclass)
