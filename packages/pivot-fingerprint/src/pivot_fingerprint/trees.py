"""Small questions to a syntax tree."""

import ast
import sys
from collections.abc import Iterator
from typing import Final

from pivot_fingerprint.parts import Chain

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

REGISTERING: Final = frozenset({"register", "validate_call", "singledispatch", "singledispatchmethod"})
"""Decorators which read the annotations of what they decorate."""


def chain_of(node: ast.AST) -> Chain | None:
    """`a.b.c` as ("a", "b", "c"); None for what does not start with a name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return (node.id, *reversed(attributes))
    return None


def holder_of(node: ast.AST) -> Chain | None:
    """The name at the bottom of `a.b[0].c().d`, with its attributes up to the first item or call."""
    chain = chain_of(node)
    while chain is None and isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
        chain = chain_of(node)
    return chain


def is_type_checking(test: ast.expr) -> bool:
    chain = chain_of(test)
    return chain is not None and chain[-1] == "TYPE_CHECKING"


def absolute(package: str, module: str | None, level: int) -> str:
    """The absolute name of `from ..module import x` written in `package`; "" where it leads outside."""
    if not level:
        return module or ""
    parents = package.split(".") if package else []
    if level > len(parents):
        return ""
    base = ".".join(parents[: len(parents) - level + 1])
    return f"{base}.{module}" if module else base


def callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def is_plain_subscript(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and chain_of(node.value) not in (("Literal",), ("typing", "Literal"))


def arguments_of(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg


def shape(arguments: ast.arguments) -> str:
    return (
        f"{len(arguments.posonlyargs)},{len(arguments.args)},{arguments.vararg is not None},"
        f"{len(arguments.kwonlyargs)},{arguments.kwarg is not None}"
    )


def annotations_of(node: FunctionNode) -> Iterator[tuple[str, ast.expr | None]]:
    """The annotations of a function: of its parameters in order, then "return"."""
    for argument in arguments_of(node.args):
        yield argument.arg, argument.annotation
    if not isinstance(node, ast.Lambda):
        yield "return", node.returns


def fields_of(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """The annotated names in a class body, in order."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield item.target.id, item.annotation


def is_main_guard(test: ast.expr) -> bool:
    """`__name__ == "__main__"`: never true for a module that a pipeline imports."""
    match test:
        case ast.Compare(left=ast.Name("__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]):
            return True
    return False


def version_test(test: ast.expr) -> bool | None:
    """What `sys.version_info >= (3, 12)` gives for this Python, by no more than major.minor; None for other tests."""
    match test:
        case ast.Compare(left=left, ops=[ast.GtE() | ast.Lt() as operator], comparators=[ast.Tuple(elts=elements)]):
            wanted = tuple(
                item.value for item in elements if isinstance(item, ast.Constant) and type(item.value) is int
            )
            if chain_of(left) == ("sys", "version_info") and len(elements) == len(wanted) <= len(("major", "minor")):
                return (sys.version_info[:2] >= wanted) is isinstance(operator, ast.GtE)
    return None


def docstring_of(node: ast.AST) -> str:
    """The docstring of a module, class or function, cleaned of its indentation; "" if it has none."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.get_docstring(node) or ""
    return ""


def is_literal(node: ast.expr) -> bool:
    """Whether the expression is a constant or a container of constants: the same whenever it is evaluated."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return is_literal(node.operand)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_literal(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return all(key is not None and is_literal(key) for key in node.keys) and all(map(is_literal, node.values))
    return False


def returns_argument(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether all that a decorator returns is what it was given, or a function of its own that returns that."""
    given = {argument.arg for argument in arguments_of(node.args)}
    inner: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    returned: list[ast.expr | None] = []
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            inner[item.name] = item
        elif isinstance(item, ast.Return):
            returned.append(item.value)
        elif isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
            given.discard(item.id)
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(item))
    return bool(returned) and all(
        isinstance(value, ast.Name) and (value.id in given or (value.id in inner and returns_argument(inner[value.id])))
        for value in returned
    )
