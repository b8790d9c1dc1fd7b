"""Keys → nodes: what each kind of key is about, and what its node holds."""

import ast
import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from pivot_fingerprint.computed import MadeBy, Makers
from pivot_fingerprint.definitions import LiveDefinitions
from pivot_fingerprint.effects import Effects
from pivot_fingerprint.files import Files
from pivot_fingerprint.graph import Content, Key, Node, undeclared
from pivot_fingerprint.importing import Importing
from pivot_fingerprint.instances import module_of
from pivot_fingerprint.kinds import innermost, is_a, is_function_like
from pivot_fingerprint.links import Linker
from pivot_fingerprint.live import MISSING, LiveModules
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.looked_up import LookedUp
from pivot_fingerprint.model import Computed
from pivot_fingerprint.modules import SourceModule, first_line
from pivot_fingerprint.named_files import NamedFiles
from pivot_fingerprint.parts import digest_text
from pivot_fingerprint.project import Project, Sources
from pivot_fingerprint.resolve import StaticNames
from pivot_fingerprint.statics import StaticDefinitions
from pivot_fingerprint.values import Encoder, TooLargeError

_VOLATILE: Final = "volatile: by its defining statement"


class Nodes:
    """Makes each node once."""

    def __init__(
        self,
        project: Project,
        sources: Sources,
        versions: str,
        volatile: Mapping[str, str],
        is_data: Callable[[str], bool],
        is_dep: Callable[[str], bool],
    ) -> None:
        self._project = project
        self._sources = sources
        self._versions = versions
        self._locator = Locator(project, sources)
        static = StaticNames(self._locator)
        self._effects = Effects(self._locator, static)
        self._linker = Linker(self._locator, static, self._effects)
        self.files = Files(project, sources)
        self._named_files = NamedFiles(project, self._locator, is_data)
        self._is_dep = is_dep
        self._static_names = static
        self._static = StaticDefinitions(project, self._locator, static, self._linker, self._effects)
        self.modules = LiveModules(self._locator, static)
        self._definitions = LiveDefinitions(project, self._locator, self.modules, self._linker)
        self._values = Makers(self._static, self._definitions, volatile)
        self._objects: dict[str, object] = {}
        self.looked_up = LookedUp(project, self._locator, self.modules, self._definitions, self._linker, self._objects)
        self._nodes: dict[Key, Node] = {}
        self._used: dict[Key, tuple[tuple[Key, ...], frozenset[str]]] = {}
        self.trees: dict[str, list[ast.AST]] = {}
        self._importing = Importing(project, self._locator, self._effects, self._linker, self._static, self.trees)
        self._makers: dict[str, Callable[[Key], Node]] = {
            "code": self._code,
            "asking": lambda _: Node("", "", ""),
            "annotations": self.looked_up.annotations,
            "dist": self._distribution,
            "doc": self.looked_up.doc,
            "effect": self._importing.effect,
            "file": self.files.node,
            "import": self._importing.module,
            "live": self._live,
            "member": self._member,
            "missing": lambda key: Node("missing", key[1], "missing"),
            "mutations": self._importing.mutations,
            "object": self._object,
            "package": self._package,
            "registering": self._registering,
            "stated": self._stated,
            "static": self._static_node,
            "subclasses": self.looked_up.subclasses,
            "whole": self._whole,
        }

    def node(self, key: Key) -> Node:
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = self._make(key)
        return found

    def _make(self, key: Key) -> Node:
        try:
            return self._makers[key[0]](key)
        except Exception as error:  # noqa: BLE001 # a fingerprint says what it could not see, it does not fail
            return self._unseen(key, error)

    def _unseen(self, key: Key, error: Exception) -> Node:
        """What stands for a definition that could not be looked at, nor what it leads to: its file, and the project."""
        content = Content()
        content.note(f"could not be looked at ({type(error).__name__}: {error}): all of the project counts")
        location = self._locator.locate(key[1]) if len(key) > 2 else None
        if location is not None and location.path:
            content.edges[("file", location.path)] = None
        if key[0] not in ("package", "whole"):
            content.edges[("package", "")] = None
        return content.node("unseen", ".".join(key[1:]))

    def key_of(self, value: object) -> Key:
        """The key under which an object is fingerprinted: its definition's, or its own."""
        home = self.modules.home(value)
        if home is not None:
            for target in self.modules.bound(home[0], home[1], value, ()):
                if target.key is not None:
                    return target.key
        key = ("object", str(id(value)))
        self._objects[key[1]] = value
        return key

    def computed_values(self) -> Iterator[tuple[Key, Computed]]:
        """What was met so far of values that are not just literals in the source, with the keys of their nodes."""
        return ((key, node.computed) for key, node in self._nodes.items() if node.computed is not None)

    # -- live ---------------------------------------------------------------------------------------------------

    def _live(self, key: Key) -> Node:
        _, module, name = key
        value = self.modules.find(module, name)
        if value is MISSING:
            return Node("missing", f"{module}.{name}", "missing")
        return self._value_node(value, module, name)

    def _member(self, key: Key) -> Node:
        _, module, owner, name = key
        value = self.modules.find(module, f"{owner}.{name}")
        node = self._value_node(value, module, f"{owner}.{name}", kind="func")
        return _with_owner(node, ("live", module, owner))

    def _object(self, key: Key) -> Node:
        value: Any = self._objects[key[1]]
        function = innermost(value)
        module = str(getattr(function, "__module__", None) or type(value).__module__)
        name = str(getattr(function, "__qualname__", None) or type(value).__qualname__)
        return self._value_node(value, module, name)

    def _value_node(self, value: Any, module: str, name: str, kind: str = "") -> Node:
        full = f"{module}.{name}"
        source = self.modules.source(module)
        kind = kind or ("class" if is_a(value, type) else "func" if is_function_like(value) else "value")
        made_by = MadeBy()
        if source is not None:
            made_by = self._values.made_by(value, source, name, kind)
        volatile = self._values.volatile_parts(f"{kind}:{full}", made_by.digest)
        content = Content(volatile - {""})
        if "" in volatile:
            content.left_out[""] = None
        else:
            self._encode(value, content)
        place, line = self._place_of(value) or (source, made_by.line)
        if source is not None and kind == "func" and (defined := _line_in(source, name, place, line)):
            place, line = source, defined
        if made_by.statements is not None and (content.is_opaque or content.left_out):
            content.add(made_by.digest)
            content.edges.update(made_by.statements.edges)
            if not content.left_out:
                content.note("by its defining statement")
        is_log = module_of(type(value)).partition(".")[0] == "logging"
        if source is not None and (content.left_out or (content.is_opaque and not is_log)):
            self._static.add_mutations(content, source, ("static", module, name))
        for part in content.left_out:
            content.note(f"volatile: {part.removeprefix(', ')} by its defining statement" if part else _VOLATILE)
        content.edges[("import", module, "live")] = None
        file = self._project.show(place.path) if place is not None else ""
        if content.trees:
            self._add_read_files(source, content)
            self.trees.setdefault(content.digest, content.trees)
        elif source is not None and name in source.bindings:
            self.trees.setdefault(content.digest, [item.node for item in source.bindings[name]])
        computed = None
        if made_by.is_literal:
            content.parts.clear()
        if made_by.is_whole or content.parts or content.left_out:
            digest = content.digest if made_by.is_whole else digest_text(itertools.chain(*content.parts.items()))
            computed = Computed(kind, full, digest, file, line, made_by.digest, content.parts, tuple(content.left_out))
        fallback = made_by.digest if made_by.is_whole else ""
        return content.node(kind, full, file=file, line=line, fallback=fallback, computed=computed)

    def _encode(self, value: object, content: Content) -> None:
        outer, self._definitions.own = self._definitions.own, value
        try:
            Encoder(self._definitions, content).encode(value)
        except TooLargeError:
            content.cut(f"{type(value).__module__}.{type(value).__qualname__}")
        finally:
            self._definitions.own = outer

    def _place_of(self, value: Any) -> tuple[SourceModule, int] | None:
        """The source of a function or class, wherever it is kept, and its line there."""
        if is_a(value, type):
            line = type.__getattribute__(value, "__dict__").get("__firstlineno__")
            source = self.modules.source(str(type.__getattribute__(value, "__module__")))
            return (source, line) if source is not None and isinstance(line, int) else None
        function = innermost(value)
        if not is_a(function, types.FunctionType):
            return None
        code = function.__code__
        source = self._definitions.source_of_code(code, str(function.__globals__.get("__name__", "")))
        return (source, code.co_firstlineno) if source is not None else None

    def _code(self, key: Key) -> Node:
        """The code of a function that only something else holds, such as a wrapper: how it runs is counted there, this
        tells where it stands."""
        _, module, name = key
        source, node = self._definitions.codes[module, name]
        content = Content()
        content.add(source.function(node).digest)
        content.trees.append(node)
        self.trees.setdefault(content.digest, content.trees)
        return content.node("func", f"{module}.{name}", file=self._project.show(source.path), line=first_line(node))

    # -- by source ----------------------------------------------------------------------------------------------

    def _static_node(self, key: Key) -> Node:
        _, module, name = key
        source = self._locator.source(module)
        if source is None:
            return Node("missing", f"{module}.{name}", "missing")
        content, kind, line = self._static.content(source, name)
        if self._differs(source, name):
            content.add("loaded")
            content.edges[("live", module, name)] = None
        elif kind == "value":
            self._add_named_files(source, name, content)
        else:
            self._add_read_files(source, content)
        content.edges[("import", module, "static")] = None
        self.trees.setdefault(content.digest, content.trees)
        node = content.node(kind, f"{module}.{name}", file=self._project.show(source.path), line=line)
        return _with_owner(node, ("static", module, name.partition(".")[0])) if "." in name else node

    def _registering(self, key: Key) -> Node:
        """A function that enters things in registries, for who does not look into these."""
        node = self.node(key[1:])
        changed = self._effects.decorator_changes(("static", *key[2:]))
        return attrs.evolve(node, edges=tuple(self._linker.without(node.edges, changed)))

    def _stated(self, key: Key) -> Node:
        """A name by the statements that define it, whatever else changed it."""
        _, module, name = key
        source = self._locator.source(module)
        if source is None or name not in source.bindings:
            return Node("", "", "")
        return self._static.statements(source, name).node("", f"{module}.{name}")

    def _differs(self, source: SourceModule, name: str) -> bool:
        """Whether the loaded module holds something else under the name than its source says, as after a patch."""
        value = self.modules.find(source.name, name) if "." not in name else MISSING
        if value is MISSING or self.modules.source(source.name) is not source:
            return False
        stated = self._static.stated(source, name)
        if isinstance(stated, ast.FunctionDef | ast.AsyncFunctionDef):
            is_same = is_a(value, types.FunctionType) and self._definitions.tree_of(value) == (source, stated)
            return not is_same and not stated.decorator_list
        if isinstance(stated, ast.ClassDef):
            return not is_a(value, type) and not stated.decorator_list
        if isinstance(stated, ast.expr):
            held, said = Content(), Content()
            self._encode(value, held)
            Encoder(self._definitions, said).encode(ast.literal_eval(stated))
            return held.tokens != said.tokens
        return bool(self._reading(source, name))

    def _add_named_files(self, source: SourceModule, name: str, content: Content) -> None:
        """What the name holds is read from files once the module is loaded: those that its statements name count."""
        pieces = [
            (above, tree)
            for key in self._reading(source, name)
            if (above := self._locator.source(key[1])) is not None
            for tree in above.trees_named(key[2])
        ]
        for path in self._named_files.named(pieces) if pieces else ():
            content.edges[("file", path)] = None

    def _add_read_files(self, source: SourceModule | None, content: Content) -> None:
        """Files of the project that a function reads by a path that its code tells: templates, queries, tables."""
        if source is not None and not content.reads.isdisjoint(("file", "named file")):
            for tree in content.trees:
                for path in self._named_files.read_by(source, tree):
                    if self._is_dep(path):
                        content.conditional[(undeclared(path), ("file", path))] = None
                    else:
                        content.edges[("file", path)] = None

    def _reading(self, source: SourceModule, name: str) -> tuple[Key, ...]:
        """The definitions that make what the name holds, itself included; none if they do not read input."""
        key: Key = ("static", source.name, name)
        if not any(item.kind == "assign" for item in source.bindings.get(name, ())):
            return ()
        if isinstance(self._static.stated(source, name), ast.expr):
            return ()
        seen: dict[Key, None] = {}
        waiting = [key]
        is_reading = False
        while waiting:
            key = waiting.pop()
            if key in seen or key[0] != "static":
                continue
            seen[key] = None
            edges, reads = self._used_by(key)
            is_reading = is_reading or not reads.isdisjoint(("file", "input"))
            waiting.extend(edges)
        return tuple(seen) if is_reading else ()

    def _used_by(self, key: Key) -> tuple[tuple[Key, ...], frozenset[str]]:
        """What a definition leads to by its source, and what it reads. No node is made: it may be in the making."""
        found = self._used.get(key)
        if found is None:
            source = self._locator.source(key[1])
            content = self._static.content(source, key[2])[0] if source is not None else Content()
            found = self._used[key] = (tuple(content.edges), frozenset(content.reads))
        return found

    def _whole(self, key: Key) -> Node:
        _, module, mode = key
        source = self._locator.source(module)
        content = Content()
        content.note("used as a whole: all of it counts")
        content.edges[("import", module, mode)] = None
        names = set(source.bindings) if source is not None else set()
        space = self.modules.space(module) if mode == "live" else None
        if space is not None:
            names.update(name for name in space if not name.startswith("__"))
        for name in sorted(names):
            for target in self._of_whole(module, name, space):
                content.add(f"{name}={target[0]}")
                content.edges[target[1]] = None
        if source is not None:
            for guards, statement in source.defining_nothing():
                self._linker.add(content, source.statement(statement, guards), self._linker.static_names(module))
        location = self._locator.locate(module)
        return content.node("module", module, file=self._project.show(location.path) if location.path else "", line=1)

    def _of_whole(self, module: str, name: str, space: dict[str, Any] | None) -> Iterator[tuple[str, Key]]:
        if space is not None and name in space:
            targets = self.modules.in_module(module, (name,))
        else:
            targets = self._static_names.of_module(module, (name,))
        for target in targets:
            if target.key is not None and target.key[0] not in ("whole", "package"):
                yield target.label, target.key

    def _package(self, key: Key) -> Node:
        content = Content()
        name = key[1]
        for module in self._locator.modules_in(name):
            content.add(module)
            content.edges[("whole", module, "static")] = None
        content.note("a module is chosen at run time: all of them count")
        return content.node("package", name or "(project)")

    # -- outside the project ------------------------------------------------------------------------------------

    def _distribution(self, key: Key) -> Node:
        version = key[2]
        if self._versions == "minor":
            version = ".".join(version.split(".")[:2])
        elif self._versions == "none":
            version = "*"
        return Node("dist", key[1], version)


def _line_in(source: SourceModule, name: str, place: SourceModule | None, line: int) -> int:
    """The line where the source defines the function of this name, if what the name holds is from another place; else
    0."""
    lines = [first_line(node) for node in source.functions_named(name)]
    return lines[-1] if lines and (place is not source or line not in lines) else 0


def _with_owner(node: Node, owner: Key) -> Node:
    """What a method looks up about definitions it may look up about its own class, as `type(self)` or `cls`."""
    read = tuple((what, *owner) for what in ("annotations", "doc", "subclasses") if what in node.reads)
    return attrs.evolve(node, edges=node.edges + read) if read else node
