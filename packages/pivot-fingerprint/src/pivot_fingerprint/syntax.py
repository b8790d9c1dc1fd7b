"""Source → normal form: what a piece of source does, apart from how it is written, and which names it uses.

A piece is read once, in one pass, into a `Part`: a digest of its normal form, and its references. The normal form is
the syntax tree without positions, comments, docstrings, annotations, type parameters, `pass`, `TYPE_CHECKING` blocks,
and import statements. An import inside a function counts through the names that are used from it, so that an unused
one does not count; an import under `try` is kept, since whether it works decides what happens next.

A reference is a pair (module, chain). The module is the imported one where an import inside the piece binds the first
name, else "", and the chain is then looked up in the module the piece stands in: `np.random.seed` is
("", ("np", "random", "seed")), and after `import numpy as np` in the same function ("numpy", ("random", "seed")).
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, Literal

from pivot_fingerprint.parts import Chain, Dynamic, Part, Ref, digest_text
from pivot_fingerprint.trees import (
    REGISTERING,
    FunctionNode,
    absolute,
    annotations_of,
    arguments_of,
    callee,
    chain_of,
    fields_of,
    is_plain_subscript,
    is_type_checking,
    known_prefix,
    shape,
)

Use = Literal["load", "store", "call", "discard"]

ANNOTATION_READERS: Final = frozenset(
    {"get_type_hints", "get_annotations", "__annotations__", "signature", "getfullargspec", "__signature__"}
)
DOC_READERS: Final = frozenset({"__doc__", "getdoc"})
INPUT_READERS: Final = frozenset(
    {"open", "load", "getenv", "environ", "glob", "iglob", "iterdir", "listdir", "scandir", "walk", "exists", "is_file",
     "is_dir", "check_output", "run", "urlopen", "fromfile", "loadtxt", "genfromtxt", "get", "now", "today", "time"}
)  # fmt: skip
NAMESPACE_READERS: Final = frozenset({"globals", "eval", "exec"})


class _Scope:
    __slots__ = ("bound", "globals", "imports", "kind", "parent", "uses")

    def __init__(self, kind: Literal["module", "function", "class"], parent: "_Scope | None") -> None:
        self.kind = kind
        self.parent = parent
        self.bound: set[str] = set()
        self.globals: set[str] = set()
        self.imports: dict[str, list[Ref]] = {}
        self.uses: list[tuple[Chain, Use]] = []


def _fields_of(cls: type[ast.AST]) -> tuple[str, ...]:
    unread = {"ctx", "kind", "type_comment", "annotation", "returns", "type_params", "type_ignores"}
    return tuple(field for field in cls._fields if field not in unread)


_FIELDS: Final[dict[type[ast.AST], tuple[str, tuple[str, ...]]]] = {
    cls: (cls.__name__, _fields_of(cls))
    for cls in vars(ast).values()
    if isinstance(cls, type) and issubclass(cls, ast.AST)
}


class Reader:
    """One pass over one piece of source, in the package `package`."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._out: list[str] = []
        self._top = _Scope("module", None)
        self._scope = self._top
        self._executes: set[str] = set()
        self._labels: set[tuple[str, str]] = set()
        self._rebinds: set[str] = set()
        self._dynamic: list[Dynamic] = []
        self._reads: set[str] = set()
        self._uses: dict[Use, set[Ref]] = {"load": set(), "store": set(), "call": set(), "discard": set()}
        self._keep_imports = False
        self._default_uses = slice(0)

    # -- what can be read ---------------------------------------------------------------------------------------

    def function(self, node: FunctionNode) -> Part:
        """A function with its signature (without annotations) and its body, without its decorators."""
        self._visit_function(node, decorators=False)
        return self._finish()

    def class_shell(self, node: ast.ClassDef) -> Part:
        """A class without its decorators, its methods and the annotations of its fields."""
        self._emit("class", node.name)
        self._visit_all(node.bases)
        self._visit_all(node.keywords)
        self._open("class")
        self._visit_all(item for item in node.body if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
        self._close()
        return self._finish()

    def nodes(self, nodes: Iterable[ast.AST]) -> Part:
        """Statements or expressions, one after the other, as they stand at the top of a module."""
        for node in nodes:
            self._visit(node)
        return self._finish()

    def annotations(self, nodes: Iterable[tuple[str, ast.expr | None]]) -> Part:
        """Names with their annotations, in order. A quoted annotation reads like the same one without quotes."""
        for name, annotation in nodes:
            self._emit("annotation", name)
            if annotation is not None:
                self._visit_annotation(annotation)
        return self._finish()

    # -- scopes -------------------------------------------------------------------------------------------------

    def _finish(self) -> Part:
        while self._scope.parent is not None:
            self._close()
        in_defaults = self._top.uses[self._default_uses]
        del self._top.uses[self._default_uses]
        for chain, use in self._top.uses:
            self._resolve(self._top, chain, use)
        elsewhere = frozenset(self._uses["load"])
        for chain, use in in_defaults:
            self._resolve(self._top, chain, use)
        uses = self._uses
        return Part(
            digest=digest_text(self._out),
            refs=frozenset(uses["load"]),
            default_refs=frozenset(uses["load"] - elsewhere),
            labels=frozenset(self._labels),
            executes=frozenset(self._executes),
            stores=frozenset(uses["store"]),
            calls=frozenset(uses["call"] | uses["discard"]),
            discarded=frozenset(uses["discard"]),
            rebinds=frozenset(self._rebinds),
            dynamic=tuple(self._dynamic),
            reads=frozenset(self._reads),
        )

    def _open(self, kind: Literal["function", "class"]) -> None:
        self._scope = _Scope(kind, self._scope)

    def _close(self) -> None:
        scope = self._scope
        parent = scope.parent
        assert parent is not None
        self._scope = parent
        if scope.kind == "class":
            # They become attributes of the class, used by way of it.
            self._uses["load"].update(ref for refs in scope.imports.values() for ref in refs)
        outer = parent
        if scope.kind == "function":
            while outer.kind == "class" and outer.parent is not None:
                outer = outer.parent
        for chain, use in scope.uses:
            root = chain[0]
            if root in scope.globals:
                self._top.uses.append((chain, use))
            elif root in scope.imports:
                self._resolve(scope, chain, use)
            elif scope.kind == "class" or root not in scope.bound:
                outer.uses.append((chain, use))

    def _resolve(self, scope: _Scope, chain: Chain, use: Use) -> None:
        bound = scope.imports.get(chain[0])
        if not bound:
            self._uses[use].add(("", chain))
            return
        for module, attributes in bound:
            self._labels.add((chain[0], ".".join((module, *attributes))))
            self._uses[use].add((module, attributes + chain[1:]))

    def _use(self, chain: Chain, use: Use = "load") -> None:
        scope = self._scope
        if scope.kind == "class" and chain[0] in scope.bound and chain[0] not in scope.imports:
            return
        scope.uses.append((chain, use))

    def _bind(self, name: str) -> None:
        if name in self._scope.globals:
            self._rebinds.add(name)
        self._scope.bound.add(name)

    def _bind_import(self, name: str, ref: Ref) -> None:
        if name in self._scope.globals:
            self._rebinds.add(name)
            self._uses["load"].add(ref)
        self._scope.imports.setdefault(name, []).append(ref)

    # -- writing the normal form --------------------------------------------------------------------------------

    def _emit(self, *texts: str) -> None:
        self._out.extend(texts)

    def _visit(self, node: ast.AST) -> None:
        special = self._SPECIAL.get(node.__class__)
        if special is not None:
            special(self, node)
        else:
            self._visit_fields(node)

    def _visit_fields(self, node: ast.AST) -> None:
        name, fields = _FIELDS[node.__class__]
        out = self._out
        out.append(name)
        for field in fields:
            value = getattr(node, field)
            if value.__class__ is list:
                self._visit_all(value)
            elif isinstance(value, ast.AST):
                self._visit(value)
            else:
                out.append(repr(value))

    def _visit_all(self, nodes: Iterable[object]) -> None:
        out = self._out
        out.append("[")
        for node in nodes:
            if isinstance(node, ast.AST):
                self._visit(node)
            else:
                out.append(repr(node))
        out.append("]")

    def _visit_name(self, node: ast.Name) -> None:
        self._emit("Name", node.id)
        if node.ctx.__class__ is ast.Load:
            self._use((node.id,))
        else:
            self._bind(node.id)

    def _visit_attribute(self, node: ast.Attribute) -> None:
        attributes: list[str] = []
        base: ast.expr = node
        while base.__class__ is ast.Attribute:
            attributes.append(base.attr)
            base = base.value
        attributes.reverse()
        self._emit("Attribute", *attributes)
        self._note_reads(attributes[-1])
        if base.__class__ is ast.Name:
            self._emit("of", base.id)
            chain = (base.id, *attributes)
            self._use(chain)
            if node.ctx.__class__ is not ast.Load:
                self._use(chain, "store")
            return
        module = self._import_call(base)
        if module is not None:
            self._emit("import", module[0])
            self._uses["load"].add((module[0], (*module[1], *attributes)))
            return
        self._visit(base)

    def _note_reads(self, name: str) -> None:
        if name in ANNOTATION_READERS:
            self._reads.add("annotations")
        elif name in DOC_READERS:
            self._reads.add("doc")
        elif name == "__subclasses__":
            self._reads.add("subclasses")
        elif name in INPUT_READERS or name.startswith("read_"):
            self._reads.add("input")

    def _visit_subscript(self, node: ast.Subscript) -> None:
        chain = chain_of(node.value)
        if chain is not None and node.ctx.__class__ is not ast.Load:
            self._use(chain, "store")
        if chain is not None and chain[-2:] == ("sys", "modules"):
            self._look_up_module("sys.modules", node.slice, node.lineno)
        self._visit_fields(node)

    def _visit_call(self, node: ast.Call, use: Use = "call") -> None:
        chain = chain_of(node.func)
        if chain is None:
            self._visit_fields(node)
            return
        self._use(chain, use)
        name = chain[-1]
        if len(chain) == 1:
            self._note_reads(name)
        if len(chain) == 1 and name in ("getattr", "hasattr", "setattr", "delattr") and self._visit_getattr(node, name):
            return
        if name in ("import_module", "__import__"):
            module = self._import_call(node)
            if module is not None:
                self._emit("import", module[0])
                self._uses["load"].add(module)
                return
            if node.args:
                given = (
                    [*node.args[1:], *(keyword.value for keyword in node.keywords)] if name == "import_module" else []
                )
                self._look_up_module(name, node.args[0], node.lineno, given[0] if given else None)
        elif name in ("run_module", "run_path", "spec_from_file_location", "walk_packages", "iter_modules"):
            self._dynamic.append(Dynamic(name, node.lineno))
        elif len(chain) == 1 and name in NAMESPACE_READERS:
            self._read_namespace(name, node)
        self._visit_fields(node)

    def _visit_getattr(self, node: ast.Call, name: str) -> bool:
        """`getattr(a.b, "c")` is as good as `a.b.c`."""
        if len(node.args) < 2 or node.keywords:
            return False
        base, attribute = node.args[0], node.args[1]
        chain = chain_of(base)
        if chain is None or not (isinstance(attribute, ast.Constant) and isinstance(attribute.value, str)):
            return False
        self._note_reads(attribute.value)
        whole = (*chain, attribute.value)
        self._emit("Call", name, *whole)
        self._use((name,))
        self._use(whole)
        if name in ("setattr", "delattr"):
            self._use(whole, "store")
        self._visit_all(node.args[2:])
        return True

    def _read_namespace(self, name: str, node: ast.Call) -> None:
        if name in ("eval", "exec") and node.args:
            source = node.args[0]
            if isinstance(source, ast.Constant) and isinstance(source.value, str):
                try:
                    tree = ast.parse(source.value.strip(), mode="exec")
                except SyntaxError:
                    return
                for inner in ast.walk(tree):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                        self._use((inner.id,))
                return
        self._dynamic.append(Dynamic(name, node.lineno))

    def _visit_globals_item(self, node: ast.Subscript) -> bool:
        """`globals()["name"]` is as good as `name`."""
        call = node.value
        if not (isinstance(call, ast.Call) and chain_of(call.func) == ("globals",) and not call.args):
            return False
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
            return False
        self._emit("globals", node.slice.value)
        if node.ctx.__class__ is ast.Load:
            self._top.uses.append(((node.slice.value,), "load"))
        else:
            self._rebinds.add(node.slice.value)
        return True

    # -- imports ------------------------------------------------------------------------------------------------

    def _visit_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._executes.add(alias.name)
            if alias.asname:
                self._bind_import(alias.asname, (alias.name, ()))
            else:
                top = alias.name.partition(".")[0]
                self._bind_import(top, (top, ()))
            if self._keep_imports:
                self._emit("import", alias.name)
                self._uses["load"].add(("import", (alias.name,)))

    def _visit_import_from(self, node: ast.ImportFrom) -> None:
        module = absolute(self._package, node.module, node.level)
        self._executes.add(module)
        for alias in node.names:
            self._bind_import(alias.asname or alias.name, (module, (alias.name,)))
            self._executes.add(f"{module}.{alias.name}")
            if self._keep_imports:
                self._emit("import", module, alias.name)
                self._uses["load"].add(("import", (module, alias.name)))

    def _visit_try(self, node: ast.Try | ast.TryStar) -> None:
        self._emit(node.__class__.__name__)
        before, self._keep_imports = self._keep_imports, True
        self._visit_all(node.body)
        self._keep_imports = before
        self._visit_all(node.handlers)
        self._visit_all(node.orelse)
        self._visit_all(node.finalbody)

    def _import_call(self, node: ast.AST) -> Ref | None:
        """The module that `importlib.import_module("literal")` or `__import__("literal")` gives."""
        if not isinstance(node, ast.Call) or not node.args:
            return None
        chain = chain_of(node.func)
        first = node.args[0]
        if chain is None or chain[-1] not in ("import_module", "__import__"):
            return None
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            return None
        name = first.value
        if chain[-1] == "__import__":
            self._executes.add(name)
            return (name if len(node.args) > 3 or node.keywords else name.partition(".")[0], ())
        if name.startswith("."):
            level = len(name) - len(name.lstrip("."))
            name = absolute(self._anchor(node), name.lstrip(".") or None, level)
        self._executes.add(name)
        return (name, ())

    def _anchor(self, node: ast.Call) -> str:
        given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
        if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
            return given[0].value
        return self._package

    def _look_up_module(self, what: str, name: ast.expr, line: int, anchor: ast.expr | None = None) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self._uses["load"].add((name.value, ()))
            return
        chain = chain_of(name)
        if what == "sys.modules" and chain == ("__name__",):
            self._dynamic.append(Dynamic("globals", line))
        else:
            self._dynamic.append(Dynamic("import_module", line, self._prefix(name, anchor), chain or ()))

    def _prefix(self, name: ast.expr, anchor: ast.expr | None) -> str:
        """What the computed name of a module is known to begin with; a relative one begins with the package."""
        prefix = known_prefix(name)
        if prefix.startswith(".") or (not prefix and anchor is not None):
            base = anchor.value if isinstance(anchor, ast.Constant) and isinstance(anchor.value, str) else self._package
            return f"{base}.{prefix.lstrip('.')}"
        return prefix

    # -- definitions --------------------------------------------------------------------------------------------

    def _visit_function(self, node: FunctionNode, *, decorators: bool = True) -> None:
        self._emit(node.__class__.__name__)
        annotated = False
        if not isinstance(node, ast.Lambda):
            self._emit(node.name)
            if decorators:
                self._visit_all(node.decorator_list)
                self._bind(node.name)
                annotated = any((chain_of(callee(item)) or ("",))[-1] in REGISTERING for item in node.decorator_list)
        arguments = node.args
        before = len(self._scope.uses)
        self._visit_all(arguments.defaults)
        self._visit_all(arguments.kw_defaults)
        if not decorators:
            self._default_uses = slice(before, len(self._scope.uses))
        if annotated:
            for _, annotation in annotations_of(node):
                if annotation is not None:
                    self._visit_annotation(annotation)
        self._open("function")
        for argument in arguments_of(arguments):
            self._emit("arg", argument.arg)
            self._scope.bound.add(argument.arg)
        self._emit(shape(arguments))
        if isinstance(node, ast.Lambda):
            self._visit(node.body)
        else:
            before, self._keep_imports = self._keep_imports, False
            self._visit_all(node.body)
            self._keep_imports = before
        self._close()

    def _visit_class(self, node: ast.ClassDef) -> None:
        self._emit("ClassDef", node.name)
        self._visit_all(node.decorator_list)
        self._visit_all(node.bases)
        self._visit_all(node.keywords)
        self._bind(node.name)
        self._open("class")
        methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        self._visit_all(item for item in node.body if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
        methods.sort(key=lambda item: item.name)
        self._visit_all(methods)
        self._close()
        if node.decorator_list or node.bases or node.keywords:
            for name, annotation in fields_of(node):
                self._emit("field", name)
                self._visit_annotation(annotation)

    def _visit_annotation(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            quoted = node.value.strip()
            try:
                node = ast.parse(quoted, mode="eval").body
            except SyntaxError:
                self._emit("quoted", quoted)
                return
        if isinstance(node, ast.Constant):
            self._visit(node)
            return
        if isinstance(node, ast.Subscript) and is_plain_subscript(node):
            self._emit("Subscript")
            self._visit(node.value)
            self._visit_annotation(node.slice)
            return
        self._visit(node)

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._emit(node.__class__.__name__)
        self._visit(node.generators[0].iter)
        self._open("function")
        for index, generator in enumerate(node.generators):
            self._emit("for", str(generator.is_async))
            self._visit(generator.target)
            if index:
                self._visit(generator.iter)
            self._visit_all(generator.ifs)
        if isinstance(node, ast.DictComp):
            self._visit(node.key)
            if node.value is not None:
                self._visit(node.value)
        else:
            self._visit(node.elt)
        self._close()

    def _visit_walrus(self, node: ast.NamedExpr) -> None:
        self._emit("NamedExpr", node.target.id)
        self._visit(node.value)
        scope = self._scope
        while scope is not None:
            if node.target.id in scope.globals:
                self._rebinds.add(node.target.id)
            scope.bound.add(node.target.id)
            if scope.parent is None or scope.kind != "function":
                break
            scope = scope.parent

    # -- statements ---------------------------------------------------------------------------------------------

    def _visit_assign(self, node: ast.Assign) -> None:
        module = self._import_call(node.value)
        if module is not None and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if self._scope is not self._top and name not in self._scope.globals:
                self._emit("import", name, module[0])
                self._bind_import(name, module)
                return
        self._visit_fields(node)

    def _visit_aug_assign(self, node: ast.AugAssign) -> None:
        chain = chain_of(node.target)
        if chain is not None:
            self._use(chain)
        self._visit_fields(node)

    def _visit_ann_assign(self, node: ast.AnnAssign) -> None:
        if node.value is None:
            if isinstance(node.target, ast.Name) and self._scope.kind != "class":
                self._scope.bound.add(node.target.id)
            return
        self._emit("Assign", "[")
        self._visit(node.target)
        self._emit("]")
        self._visit(node.value)

    def _visit_expr(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant):
            return
        self._emit("Expr")
        if isinstance(value, ast.Call):
            module = self._import_call(value)
            if module is not None:
                self._emit("import", module[0])
                return
            self._visit_call(value, "discard")
        else:
            self._visit(value)

    def _visit_if(self, node: ast.If) -> None:
        if is_type_checking(node.test):
            for item in node.orelse:
                self._visit(item)
            return
        self._visit_fields(node)

    def _visit_global(self, node: ast.Global) -> None:
        self._emit("Global", *sorted(node.names))
        self._scope.globals.update(node.names)

    def _visit_handler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._scope.bound.add(node.name)
        self._visit_fields(node)

    def _visit_capture(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._scope.bound.add(name)
        self._visit_fields(node)

    def _visit_constant(self, node: ast.Constant) -> None:
        self._emit(node.value.__class__.__name__, repr(node.value))

    def _visit_nothing(self, node: ast.AST) -> None:
        """`pass` does nothing, and a type alias is for type checkers until somebody reads it."""

    def _visit_subscript_or_global(self, node: ast.Subscript) -> None:
        if not self._visit_globals_item(node):
            self._visit_subscript(node)

    _SPECIAL: ClassVar[Mapping[type[ast.AST], Callable[["Reader", Any], None]]] = {
        ast.AnnAssign: _visit_ann_assign,
        ast.Assign: _visit_assign,
        ast.AsyncFunctionDef: _visit_function,
        ast.Attribute: _visit_attribute,
        ast.AugAssign: _visit_aug_assign,
        ast.Call: _visit_call,
        ast.ClassDef: _visit_class,
        ast.Constant: _visit_constant,
        ast.DictComp: _visit_comprehension,
        ast.ExceptHandler: _visit_handler,
        ast.Expr: _visit_expr,
        ast.FunctionDef: _visit_function,
        ast.GeneratorExp: _visit_comprehension,
        ast.Global: _visit_global,
        ast.If: _visit_if,
        ast.Import: _visit_import,
        ast.ImportFrom: _visit_import_from,
        ast.Lambda: _visit_function,
        ast.ListComp: _visit_comprehension,
        ast.MatchAs: _visit_capture,
        ast.MatchMapping: _visit_capture,
        ast.MatchStar: _visit_capture,
        ast.Name: _visit_name,
        ast.NamedExpr: _visit_walrus,
        ast.Pass: _visit_nothing,
        ast.SetComp: _visit_comprehension,
        ast.Subscript: _visit_subscript_or_global,
        ast.Try: _visit_try,
        ast.TryStar: _visit_try,
        ast.TypeAlias: _visit_nothing,
    }
