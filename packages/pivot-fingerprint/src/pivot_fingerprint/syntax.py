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
from collections.abc import Iterable
from typing import ClassVar

from pivot_fingerprint.expressions import Expressions, Readers
from pivot_fingerprint.parts import Part, digest_text
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


class Reader(Expressions):
    """One pass over one piece of source, in the package `package`."""

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
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        self._names.open("function", later=name if decorators and name[:2] != "__" else "")
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

    # -- statements ---------------------------------------------------------------------------------------------

    def _visit_assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Name) and self._names.can_hold_import(target.id):
            module = self._import_call(node.value)
            if module is not None:
                self._emit("to", target.id)
                self._names.bind_import(target.id, module)
                return
        self._names.begin_assignment()
        self._visit_fields(node)
        self._names.end_assignment()

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
        self._names.begin_assignment()
        self._emit("Assign", "[")
        self._visit(node.target)
        self._emit("]")
        self._visit(node.value)
        self._names.end_assignment()

    def _visit_expr(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant):
            return
        self._emit("Expr")
        if isinstance(value, ast.ListComp | ast.SetComp):
            self._discarded = value.elt
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

    def _visit_nothing(self, node: ast.AST) -> None:
        """`pass` does nothing, and a type alias inside other code is for type checkers."""

    SPECIAL: ClassVar[Readers] = {
        **Expressions.SPECIAL,
        ast.AnnAssign: _visit_ann_assign,
        ast.Assign: _visit_assign,
        ast.AsyncFunctionDef: _visit_function,
        ast.AugAssign: _visit_aug_assign,
        ast.ClassDef: _visit_class,
        ast.ExceptHandler: _visit_handler,
        ast.Expr: _visit_expr,
        ast.FunctionDef: _visit_function,
        ast.Global: _visit_global,
        ast.If: _visit_if,
        ast.Import: _visit_import,
        ast.ImportFrom: _visit_import_from,
        ast.Lambda: _visit_function,
        ast.MatchAs: _visit_capture,
        ast.MatchMapping: _visit_capture,
        ast.MatchStar: _visit_capture,
        ast.Pass: _visit_nothing,
        ast.Try: _visit_try,
        ast.TryStar: _visit_try,
        ast.TypeAlias: _visit_nothing,
    }
