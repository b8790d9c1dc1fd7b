"""What a source file defines, and where: parsed once, read piece by piece as the pieces are needed."""

import ast
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Final, Literal, TypeGuard

import attrs

from pivot_fingerprint.parts import Chain, Part, Ref
from pivot_fingerprint.syntax import Reader
from pivot_fingerprint.trees import (
    FunctionNode,
    absolute,
    annotations_of,
    callee,
    chain_of,
    fields_of,
    is_literal,
    is_main_guard,
    is_type_checking,
    version_test,
)

Guards = tuple[ast.expr, ...]
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WORDS_BY_TEXT: Final = (b"globals", b"locals", b"vars", b"exec", b"__name__")
_BY_TEXT: Final = re.compile(
    rb"\b(?:globals|locals|vars)\s*\(\s*\)|\bexec\s*\(|\bmodules\s*\[\s*__name__\s*\]"
)  # looked for in text that has one of the words, however it is laid out
_OWN_CLASS: Final = re.compile(rb"\]\s*\.\s*__class__\s*=")
_SCOPES: Final = (*_DEFINITIONS, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@attrs.frozen(eq=False)
class Binding:
    """One statement at the top of a module that gives a name its value, with the conditions it stands under."""

    kind: Literal["def", "class", "import", "assign"]
    node: ast.stmt
    guards: Guards = ()
    ref: Ref = ("", ())
    """For an import: the module, and the attribute of it if one is named."""

    @property
    def line(self) -> int:
        return self.node.lineno


@attrs.frozen(eq=False)
class Decorator:
    chain: Chain
    """The name it is written with, without the call; () for what is not a name."""
    part: Part


class SourceModule:
    """A project module as its source file says. Nothing of it is executed."""

    def __init__(self, name: str, path: str, source: bytes, *, is_package: bool) -> None:
        """Raises SyntaxError or ValueError if `source` is not Python."""
        self.name = name
        self.path = path
        self.package = name if is_package else name.rpartition(".")[0]
        self.is_package = is_package
        self.bindings: dict[str, list[Binding]] = {}
        self.stars: list[str] = []
        self.executes: list[str] = []
        """Modules that the top of this one imports, and `package.name` for `from package import name`."""
        self.statements: list[tuple[Guards, ast.stmt]] = []
        """What stands at the top and is neither a definition nor an import, in order."""
        self.tree = ast.parse(source)
        self.asks_for_subclasses = b"__subclasses__" in source
        self.has_own_class = b"__class__" in source and _OWN_CLASS.search(source) is not None
        """Whether the module gives itself a class, which may answer for any name."""
        self.sets_names_by_text = any(word in source for word in _WORDS_BY_TEXT) and bool(_BY_TEXT.search(source))
        """Whether code in the module may define names that no statement says."""
        self._parts: dict[int, Part] = {}
        self._annotations: dict[int, Part] = {}
        self._decorators: dict[int, tuple[Decorator, ...]] = {}
        self._index: dict[int, dict[tuple[str, int], list[FunctionNode | ast.ClassDef]]] = {}
        self._lines = [first_line(statement) for statement in self.tree.body]
        self._rebinders: dict[str, list[str]] | None = None
        self._collect(self.tree.body, ())

    # -- reading pieces -----------------------------------------------------------------------------------------

    def function(self, node: FunctionNode) -> Part:
        return self._part(node, lambda reader: reader.function(node))

    def class_shell(self, node: ast.ClassDef) -> Part:
        return self._part(node, lambda reader: reader.class_shell(node))

    def statement(self, node: ast.stmt, guards: Guards = ()) -> Part:
        return self._part(node, lambda reader: reader.nodes([*guards, node]))

    def expression(self, node: ast.expr) -> Part:
        return self._part(node, lambda reader: reader.nodes([node]))

    def annotations(self, node: FunctionNode | ast.ClassDef) -> Part:
        """The annotations of a function's parameters and result, or of a class's fields."""
        found = self._annotations.get(id(node))
        if found is None:
            pairs: Iterable[tuple[str, ast.expr | None]]
            pairs = fields_of(node) if isinstance(node, ast.ClassDef) else annotations_of(node)
            found = self._annotations[id(node)] = Reader(self.package).annotations(pairs)
        return found

    def parameters(self, node: FunctionNode) -> Part:
        """The annotations of a function's parameters."""
        return Reader(self.package).annotations(pair for pair in annotations_of(node) if pair[0] != "return")

    def decorators(self, node: FunctionNode | ast.ClassDef) -> tuple[Decorator, ...]:
        if isinstance(node, ast.Lambda) or not node.decorator_list:
            return ()
        found = self._decorators.get(id(node))
        if found is None:
            found = self._decorators[id(node)] = tuple(
                Decorator(chain_of(callee(item)) or (), Reader(self.package).nodes([item]))
                for item in node.decorator_list
            )
        return found

    def _part(self, node: ast.AST, read: Callable[[Reader], Part]) -> Part:
        found = self._parts.get(id(node))
        if found is None:
            found = self._parts[id(node)] = read(Reader(self.package))
        return found

    # -- names --------------------------------------------------------------------------------------------------

    def listed_names(self) -> frozenset[str] | None:
        """What `__all__` lists; None if there is none that can be read."""
        names: set[str] = set()
        if "__all__" not in self.bindings:
            return None
        for binding in self.bindings["__all__"]:
            value = binding.node.value if isinstance(binding.node, ast.Assign | ast.AugAssign | ast.AnnAssign) else None
            if value is None or not is_literal(value):
                return None
            names.update(ast.literal_eval(value))
        return frozenset(names)

    def defining_nothing(self) -> Iterator[tuple[Guards, ast.stmt]]:
        """The statements at the top that give no name its value."""
        defining = {id(binding.node) for bindings in self.bindings.values() for binding in bindings}
        return ((guards, node) for guards, node in self.statements if id(node) not in defining)

    def rebinders(self, name: str) -> tuple[str, ...]:
        """The functions at the top of the module that set `name` by way of `global`."""
        if self._rebinders is None:
            self._rebinders = {}
            for function, bindings in self.bindings.items():
                for binding in bindings:
                    if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef) and binding.kind == "def":
                        for rebound in self.function(binding.node).rebinds:
                            self._rebinders.setdefault(rebound, []).append(function)
        return tuple(self._rebinders.get(name, ()))

    def functions_named(self, qualified: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions of this name at the top of the module, or of the name "Class.method"."""
        owner, _, method = qualified.partition(".")
        for binding in self.bindings.get(owner, ()):
            if method and isinstance(binding.node, ast.ClassDef):
                for item in binding.node.body:
                    if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name == method:
                        yield item
            elif not method and binding.kind == "def":
                assert isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef)
                yield binding.node

    def bodies_named(self, qualified: str) -> Iterator[Part]:
        """What runs when that is called: functions, and lambdas that a statement gives the name."""
        for node in self.functions_named(qualified):
            yield self.function(node)
        for binding in self.bindings.get(qualified, ()):
            value = binding.node.value if isinstance(binding.node, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Lambda):
                yield self.function(value)

    def trees_named(self, qualified: str) -> Iterator[ast.AST]:
        """The statements that give the name at the top its value, or the methods of the name "Class.method"."""
        if "." in qualified:
            yield from self.functions_named(qualified)
        else:
            yield from (binding.node for binding in self.bindings.get(qualified, ()))

    # -- finding the tree of what is running ------------------------------------------------------------------

    def node_of(self, code: CodeType) -> FunctionNode | None:
        """The definition or lambda that `code` was compiled from, None if there is none here."""
        line, name = code.co_firstlineno, code.co_name
        for statement in self._around(line):
            if _is_definition(statement, name, line):
                return statement
            found = [
                node
                for node in self._definitions(statement).get((name, line), ())
                if not isinstance(node, ast.ClassDef)
            ]
            if len(found) > 1:
                found = _at_position(found, code)
            if found:
                return found[0]
        return None

    def class_at(self, name: str, line: int) -> ast.ClassDef | None:
        """The class statement `name` whose first line (of its first decorator, if any) is `line`."""
        for statement in self._around(line):
            for node in self._definitions(statement).get((name, line), ()):
                if isinstance(node, ast.ClassDef):
                    return node
        return None

    def _around(self, line: int) -> Iterator[ast.stmt]:
        body = self.tree.body
        for index in range(bisect_right(self._lines, line) - 1, -1, -1):
            if (body[index].end_lineno or 0) < line:
                return
            yield body[index]

    def _definitions(self, statement: ast.stmt) -> dict[tuple[str, int], list[FunctionNode | ast.ClassDef]]:
        found = self._index.get(id(statement))
        if found is None:
            found = self._index[id(statement)] = {}
            for node in ast.walk(statement):
                if isinstance(node, _DEFINITIONS):
                    found.setdefault((node.name, first_line(node)), []).append(node)
                elif isinstance(node, ast.Lambda):
                    found.setdefault(("<lambda>", node.lineno), []).append(node)
        return found

    # -- what the top of the module does ------------------------------------------------------------------------

    def _collect(self, body: Iterable[ast.stmt], guards: Guards) -> None:
        for node in body:
            if isinstance(node, _DEFINITIONS):
                self._collect_definition(node, guards)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._collect_import(node, guards)
            elif isinstance(node, ast.If):
                self._collect_if(node, guards)
            elif isinstance(node, ast.Try | ast.TryStar):
                self._collect(node.body, guards)
                for handler in node.handlers:
                    self._collect(handler.body, (*guards, handler.type) if handler.type else guards)
                self._collect(node.orelse, guards)
                self._collect(node.finalbody, guards)
            else:
                self._collect_statement(node, guards)

    def _bind(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)

    def _collect_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, guards: Guards) -> None:
        if any((chain_of(item) or ("",))[-1] == "overload" for item in node.decorator_list):
            return
        self._bind(node.name, Binding("class" if isinstance(node, ast.ClassDef) else "def", node, guards))

    def _collect_import(self, node: ast.Import | ast.ImportFrom, guards: Guards) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.executes.append(alias.name)
                top = alias.name.partition(".")[0]
                module = alias.name if alias.asname else top
                self._bind(alias.asname or top, Binding("import", node, guards, (module, ())))
            return
        module = absolute(self.package, node.module, node.level)
        if module == "__future__":
            return
        self.executes.append(module)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self.executes.append(f"{module}.{alias.name}")
                self._bind(alias.asname or alias.name, Binding("import", node, guards, (module, (alias.name,))))

    def _collect_if(self, node: ast.If, guards: Guards) -> None:
        if is_main_guard(node.test):
            return
        taken = version_test(node.test)
        if taken is not None:
            self._collect(node.body if taken else node.orelse, guards)
            return
        if not is_type_checking(node.test):
            self._collect(node.body, (*guards, node.test))
        self._collect(node.orelse, (*guards, node.test))

    def _collect_statement(self, node: ast.stmt, guards: Guards) -> None:
        if isinstance(node, ast.AnnAssign) and node.value is None:
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.Pass | ast.Global):
            return
        for name in dict.fromkeys(_bound_names(node)):
            self._bind(name, Binding("assign", node, guards))
        for inner in _inner_statements(node):
            if isinstance(inner, _DEFINITIONS):
                self._collect_definition(inner, guards)
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                self._collect_import(inner, guards)
        self.statements.append((guards, node))


def _is_definition(node: ast.stmt, name: str, line: int) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return node.name == name and first_line(node) == line


def first_line(node: ast.stmt | FunctionNode) -> int:
    """The line a definition starts at, decorators included, which is what its code object tells."""
    if isinstance(node, _DEFINITIONS) and node.decorator_list:
        return node.decorator_list[0].lineno
    return node.lineno


def _at_position(nodes: list[FunctionNode], code: CodeType) -> list[FunctionNode]:
    """Of several on one line those whose body is where the instructions of `code` come from, the innermost first."""
    spots = [
        (line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
        if line is not None
        and column is not None
        and end_line is not None
        and end_column is not None
        and (column or end_column)
    ]
    fitting = [
        node
        for node in nodes
        if all(
            (node.lineno, node.col_offset) <= (line, column)
            and (end_line, end_column) <= (node.end_lineno or line, node.end_col_offset or column)
            for line, column, end_line, end_column in spots
        )
    ]
    return sorted(fitting, key=lambda node: (node.end_col_offset or 0) - node.col_offset)


def _inner_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements inside a loop, `with` or `match`, not those inside definitions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
            if not isinstance(child, _DEFINITIONS):
                yield from _inner_statements(child)
        elif isinstance(child, ast.match_case | ast.ExceptHandler):
            yield from _inner_statements(child)


def _bound_names(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name):
            if not isinstance(child.ctx, ast.Load):
                yield child.id
        elif not isinstance(child, _SCOPES):
            yield from _bound_names(child)
