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
from typing import Any, ClassVar, Final

from pivot_fingerprint.import_calls import IMPORT_CALLS, LOADERS, anchor_of, imported_by, prefix_of
from pivot_fingerprint.parts import Dynamic, Part, Ref, digest_text
from pivot_fingerprint.references import References, Use
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
    shape,
)

NAMESPACE_READERS: Final = frozenset({"globals", "eval", "exec"})


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
        self._names = References()
        self._out: list[str] = []
        self._keep_imports = False

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
        self._names.open("class")
        self._visit_all(item for item in node.body if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
        self._names.close()
        return self._finish()

    def nodes(self, nodes: Iterable[ast.AST]) -> Part:
        """Statements or expressions, one after the other, as they stand at the top of a module."""
        for node in nodes:
            if isinstance(node, ast.TypeAlias):
                self._visit_annotation(node.value)
            else:
                self._visit(node)
        return self._finish()

    def annotations(self, nodes: Iterable[tuple[str, ast.expr | None]]) -> Part:
        """Names with their annotations, in order. A quoted annotation reads like the same one without quotes."""
        for name, annotation in nodes:
            self._emit("annotation", name)
            if annotation is not None:
                self._visit_annotation(annotation)
        return self._finish()

    def _finish(self) -> Part:
        return self._names.finish(digest_text(self._out))

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
            self._names.use((node.id,))
        else:
            self._names.bind(node.id)

    def _visit_attribute(self, node: ast.Attribute) -> None:
        attributes: list[str] = []
        base: ast.expr = node
        while base.__class__ is ast.Attribute:
            attributes.append(base.attr)
            base = base.value
        attributes.reverse()
        self._emit("Attribute", str(len(attributes)), *attributes)
        self._names.note_reads(attributes[-1])
        if base.__class__ is ast.Name:
            self._emit("of", base.id)
            chain = (base.id, *attributes)
            self._names.use(chain)
            if node.ctx.__class__ is not ast.Load:
                self._names.use(chain, "store")
            return
        module = self._import_call(base)
        if module is not None:
            self._names.use_import((module[0], (*module[1], *attributes)))
            return
        self._visit(base)

    def _visit_subscript(self, node: ast.Subscript) -> None:
        chain = chain_of(node.value)
        if chain is not None and node.ctx.__class__ is not ast.Load:
            self._names.use(chain, "store")
        if chain is not None and chain[-2:] == ("sys", "modules"):
            self._look_up_module("sys.modules", node.slice, node.lineno)
        self._visit_fields(node)

    def _visit_call(self, node: ast.Call, use: Use = "call") -> None:
        chain = chain_of(node.func)
        if chain is None:
            self._visit_fields(node)
            return
        self._names.use(chain, use)
        name = chain[-1]
        if len(chain) == 1:
            self._names.note_reads(name)
        if len(chain) == 1 and name in ("getattr", "hasattr", "setattr", "delattr") and self._visit_getattr(node, name):
            return
        if name in IMPORT_CALLS:
            module = self._import_call(node)
            if module is not None:
                self._names.use_import(module)
                return
            if node.args:
                anchor = anchor_of(node) if name == "import_module" else None
                self._look_up_module(name, node.args[0], node.lineno, anchor)
        elif name in LOADERS:
            self._names.dynamic.append(Dynamic(name, node.lineno))
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
        self._names.note_reads(attribute.value)
        whole = (*chain, attribute.value)
        self._emit("Call", name, str(len(whole)), *whole)
        self._names.use((name,))
        self._names.use(whole)
        if name in ("setattr", "delattr"):
            self._names.use(whole, "store")
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
                        self._names.use((inner.id,))
                return
        self._names.dynamic.append(Dynamic(name, node.lineno))

    def _visit_globals_item(self, node: ast.Subscript) -> bool:
        """`globals()["name"]` is as good as `name`."""
        call = node.value
        if not (isinstance(call, ast.Call) and chain_of(call.func) == ("globals",) and not call.args):
            return False
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
            return False
        self._emit("globals", node.slice.value)
        if node.ctx.__class__ is ast.Load:
            self._names.use_global(node.slice.value)
        else:
            self._names.rebind(node.slice.value)
        return True

    # -- imports ------------------------------------------------------------------------------------------------

    def _visit_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._names.executes.add(alias.name)
            if alias.asname:
                self._names.bind_import(alias.asname, (alias.name, ()))
            else:
                top = alias.name.partition(".")[0]
                self._names.bind_import(top, (top, ()))
            if self._keep_imports:
                self._emit("import", alias.name)
                self._names.use_import(("import", (alias.name,)))

    def _visit_import_from(self, node: ast.ImportFrom) -> None:
        module = absolute(self._package, node.module, node.level)
        self._names.executes.add(module)
        for alias in node.names:
            self._names.bind_import(alias.asname or alias.name, (module, (alias.name,)))
            self._names.executes.add(f"{module}.{alias.name}")
            if self._keep_imports:
                self._emit("import", module, alias.name)
                self._names.use_import(("import", (module, alias.name)))

    def _visit_try(self, node: ast.Try | ast.TryStar) -> None:
        self._emit(node.__class__.__name__)
        before, self._keep_imports = self._keep_imports, True
        self._visit_all(node.body)
        self._keep_imports = before
        self._visit_all(node.handlers)
        self._visit_all(node.orelse)
        self._visit_all(node.finalbody)

    def _import_call(self, node: ast.AST) -> Ref | None:
        found = imported_by(node, self._package)
        if found is None:
            return None
        self._names.executes.add(found[0])
        self._emit("import", found[1][0])
        return found[1]

    def _look_up_module(self, what: str, name: ast.expr, line: int, anchor: ast.expr | None = None) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self._names.use_import((name.value, ()))
            return
        chain = chain_of(name)
        if what == "sys.modules" and chain == ("__name__",):
            self._names.dynamic.append(Dynamic("globals", line))
        else:
            prefix = prefix_of(name, anchor, self._package)
            self._names.dynamic.append(Dynamic("import_module", line, prefix, chain or ()))

    # -- definitions --------------------------------------------------------------------------------------------

    def _visit_function(self, node: FunctionNode, *, decorators: bool = True) -> None:
        self._emit(node.__class__.__name__)
        annotated = False
        if not isinstance(node, ast.Lambda):
            self._emit(node.name)
            if decorators:
                self._visit_all(node.decorator_list)
                self._names.bind(node.name)
                annotated = any((chain_of(callee(item)) or ("",))[-1] in REGISTERING for item in node.decorator_list)
        arguments = node.args
        before = self._names.count()
        self._visit_all(arguments.defaults)
        self._visit_all(arguments.kw_defaults)
        if not decorators:
            self._names.mark_defaults(before)
        if annotated:
            for _, annotation in annotations_of(node):
                if annotation is not None:
                    self._visit_annotation(annotation)
        self._names.open("function")
        for argument in arguments_of(arguments):
            self._emit("arg", argument.arg)
            self._names.bind_local(argument.arg)
        self._emit(shape(arguments))
        if isinstance(node, ast.Lambda):
            self._visit(node.body)
        else:
            kept, self._keep_imports = self._keep_imports, False
            self._visit_all(node.body)
            self._keep_imports = kept
        self._names.close()

    def _visit_class(self, node: ast.ClassDef) -> None:
        self._emit("ClassDef", node.name)
        self._visit_all(node.decorator_list)
        self._visit_all(node.bases)
        self._visit_all(node.keywords)
        self._names.bind(node.name)
        self._names.open("class")
        methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        self._visit_all(item for item in node.body if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
        methods.sort(key=lambda item: item.name)
        self._visit_all(methods)
        self._names.close()
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
        self._names.open("function")
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
        self._names.close()

    def _visit_walrus(self, node: ast.NamedExpr) -> None:
        self._emit("NamedExpr", node.target.id)
        self._visit(node.value)
        self._names.bind_around(node.target.id)

    # -- statements ---------------------------------------------------------------------------------------------

    def _visit_assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Name) and self._names.can_hold_import(target.id):
            module = self._import_call(node.value)
            if module is not None:
                self._emit("to", target.id)
                self._names.bind_import(target.id, module)
                return
        self._visit_fields(node)

    def _visit_aug_assign(self, node: ast.AugAssign) -> None:
        chain = chain_of(node.target)
        if chain is not None:
            self._names.use(chain)
        self._visit_fields(node)

    def _visit_ann_assign(self, node: ast.AnnAssign) -> None:
        if node.value is None:
            if isinstance(node.target, ast.Name) and not self._names.is_in_class:
                self._names.bind_local(node.target.id)
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
            if self._import_call(value) is None:
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
        self._emit("Global", str(len(node.names)), *sorted(node.names))
        self._names.declare_global(node.names)

    def _visit_handler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._names.bind_local(node.name)
        self._visit_fields(node)

    def _visit_capture(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._names.bind_local(name)
        self._visit_fields(node)

    def _visit_constant(self, node: ast.Constant) -> None:
        self._emit(node.value.__class__.__name__, repr(node.value))

    def _visit_nothing(self, node: ast.AST) -> None:
        """`pass` does nothing, and a type alias inside other code is for type checkers."""

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
