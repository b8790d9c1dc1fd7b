"""Expressions → normal form, and the names they use: also those that are only given as text, as to `getattr`."""

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from pivot_fingerprint.import_calls import (
    IMPORT_CALLS,
    LOADERS,
    Start,
    anchor_of,
    imported_by,
    start_of,
    start_of_found,
)
from pivot_fingerprint.parts import Chain, Dynamic, Ref
from pivot_fingerprint.queries import QUERIES, names_in_query
from pivot_fingerprint.references import References, Use
from pivot_fingerprint.trees import chain_of, holder_of

Readers = Mapping[type[ast.AST], Callable[[Any, Any], None]]
"""How each kind of node is read, where not just field by field."""

NAMESPACE_READERS: Final = frozenset({"globals", "eval", "exec"})


def _fields_of(cls: type[ast.AST]) -> tuple[str, ...]:
    unread = {"ctx", "kind", "type_comment", "annotation", "returns", "type_params", "type_ignores"}
    return tuple(field for field in cls._fields if field not in unread)


_FIELDS: Final[dict[type[ast.AST], tuple[str, tuple[str, ...]]]] = {
    cls: (cls.__name__, _fields_of(cls))
    for cls in vars(ast).values()
    if isinstance(cls, type) and issubclass(cls, ast.AST)
}


class Expressions:
    """Reads expressions of a module in the package `package`. Statements are for a subclass."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._names = References()
        self._out: list[str] = []
        self._keep_imports = False
        self._discarded: ast.AST | None = None
        """An expression whose value is thrown away."""

    # -- writing the normal form --------------------------------------------------------------------------------

    def _emit(self, *texts: str) -> None:
        self._out.extend(texts)

    def _visit(self, node: ast.AST) -> None:
        special = self.SPECIAL.get(node.__class__)
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

    # -- names --------------------------------------------------------------------------------------------------

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
        for attribute in attributes:
            self._names.note_reads(attribute)
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
        if node.ctx.__class__ is not ast.Load:
            self._store_in(base)
        self._visit(base)

    def _store_in(self, node: ast.expr) -> None:
        """What is found by way of `node` is changed: that is what the name holds that `node` begins with."""
        holder = holder_of(node)
        if holder is not None and holder[-2:] != ("sys", "modules"):
            self._names.use(holder, "store")

    def _visit_subscript(self, node: ast.Subscript) -> None:
        chain = chain_of(node.value)
        if node.ctx.__class__ is not ast.Load:
            if chain is not None:
                self._names.use(chain, "store")
            else:
                self._store_in(node.value)
        if chain is not None and chain[-2:] == ("sys", "modules"):
            self._look_up_module("sys.modules", node.slice, node.lineno)
        elif chain is not None and chain[-1] == "environ" and node.ctx.__class__ is ast.Load:
            self._read_variable(node.slice)
        self._note_text(node.slice)
        self._visit_fields(node)

    def _visit_subscript_or_global(self, node: ast.Subscript) -> None:
        if not self._visit_globals_item(node):
            self._visit_subscript(node)

    # -- calls --------------------------------------------------------------------------------------------------

    def _visit_call(self, node: ast.Call, use: Use = "call") -> None:
        chain = chain_of(node.func)
        if node is self._discarded:
            use = "discard"
        if node.args:
            self._note_text(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr in QUERIES:
            self._read_query(node)
        if chain is None:
            self._note_indirect_call(node.func, use)
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
            self._add_dynamic(name, node.lineno, start_of_found(node, self._package))
        elif (name == "getenv" or chain[-2:] == ("environ", "get")) and node.args:
            self._read_variable(node.args[0])
        elif len(chain) == 1 and name in NAMESPACE_READERS:
            self._read_namespace(name, node)
        self._visit_fields(node)

    def _read_variable(self, name: ast.expr) -> None:
        value = name.value if isinstance(name, ast.Constant) else None
        self._names.variables.add(value if isinstance(value, str) else "")

    def _note_indirect_call(self, called: ast.expr, use: Use) -> None:
        """`f(x)(y)` calls what `f` returns, `C().m()` calls `C.m`, and `a[0].append(x)` may change `a`."""
        if isinstance(called, ast.Call) and (chain := chain_of(called.func)) is not None:
            self._names.use(chain, "apply")
            if use == "discard":
                self._names.use(chain, use)
        elif (
            isinstance(called, ast.Attribute)
            and isinstance(called.value, ast.Call)
            and (chain := chain_of(called.value.func)) is not None
        ):
            self._names.use((*chain, called.attr), use)
        elif use == "discard":
            self._store_in(called)

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
                self._names.open("function")
                self._visit_all(tree.body)
                self._names.close()
                return
        self._names.dynamic.append(Dynamic(name, node.lineno))

    def _note_text(self, node: ast.expr) -> None:
        """`vars(cls)["__annotations__"]` and `….get("__annotations__")` look that up as the attribute would."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("__"):
            self._names.note_reads(node.value)

    def _read_query(self, node: ast.Call) -> None:
        """`frame.query("x > @LIMIT")` looks up `LIMIT` where it is called."""
        arguments = [*node.args[:1], *(item.value for item in node.keywords if item.arg == "expr")]
        for argument in arguments:
            for text in (item.value for item in ast.walk(argument) if isinstance(item, ast.Constant)):
                for chain in names_in_query(text) if isinstance(text, str) else ():
                    self._names.use(chain)
            variable = chain_of(argument)
            if variable is not None:
                self._names.dynamic.append(Dynamic("query", node.lineno, argument=variable))

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

    def _import_call(self, node: ast.AST) -> Ref | None:
        found = imported_by(node, self._package)
        if found is None:
            return None
        self._names.executes.add(found[0])
        self._emit("import", found[1][0])
        return found[1]

    def _look_up_module(self, what: str, name: ast.expr, line: int, anchor: ast.expr | None = None) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and not name.value.startswith("."):
            self._names.use_import((name.value, ()))
            return
        chain = chain_of(name)
        if what == "sys.modules" and chain == ("__name__",):
            self._names.dynamic.append(Dynamic("globals", line))
        else:
            self._add_dynamic("import_module", line, start_of(name, anchor, self._package), chain or ())

    def _add_dynamic(self, what: str, line: int, start: Start, argument: Chain = ()) -> None:
        """The code chooses a module while it runs. Nothing is known of it by way of a local name."""
        argument, module = (
            () if chain and self._names.is_local(chain[0]) else chain for chain in (argument, start.module)
        )
        self._names.dynamic.append(Dynamic(what, line, start.text, argument, module))

    # -- expressions with names of their own --------------------------------------------------------------------

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

    def _visit_constant(self, node: ast.Constant) -> None:
        self._emit(node.value.__class__.__name__, repr(node.value))

    SPECIAL: ClassVar[Readers] = {
        ast.Attribute: _visit_attribute,
        ast.Call: _visit_call,
        ast.Constant: _visit_constant,
        ast.DictComp: _visit_comprehension,
        ast.GeneratorExp: _visit_comprehension,
        ast.ListComp: _visit_comprehension,
        ast.Name: _visit_name,
        ast.NamedExpr: _visit_walrus,
        ast.SetComp: _visit_comprehension,
        ast.Subscript: _visit_subscript_or_global,
    }
