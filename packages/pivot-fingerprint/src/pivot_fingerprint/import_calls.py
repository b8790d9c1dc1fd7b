"""Calls that import: what module they give, or what is known of it."""

import ast
from typing import Final

from pivot_fingerprint.parts import Ref
from pivot_fingerprint.trees import absolute, chain_of, known_prefix

IMPORT_CALLS: Final = ("import_module", "__import__")
LOADERS: Final = frozenset(
    {"run_module", "run_path", "spec_from_file_location", "walk_packages", "iter_modules", "resolve_name", "locate",
     "import_string", "import_object", "load_object"}
)  # fmt: skip
"""Functions which find modules in some other way than by one name."""


def imported_by(node: ast.AST, package: str) -> tuple[str, Ref] | None:
    """The module that `importlib.import_module("literal")` or `__import__("literal")` loads, and what the call gives;
    None for anything else. `package` is the one of the module that the call stands in."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    chain = chain_of(node.func)
    name = _text(node.args[0])
    if chain is None or chain[-1] not in IMPORT_CALLS or name is None:
        return None
    if chain[-1] == "__import__":
        has_names = len(node.args) > 3 or bool(node.keywords)
        return name, (name if has_names else name.partition(".")[0], ())
    if name.startswith("."):
        anchor = anchor_of(node)
        level = len(name) - len(name.lstrip("."))
        name = absolute(_text(anchor) or package, name.lstrip(".") or None, level)
    return name, (name, ())


def anchor_of(node: ast.Call) -> ast.expr | None:
    """The second argument of `import_module`: the package that a relative name starts from."""
    given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    return given[0] if given else None


def prefix_of(name: ast.expr, anchor: ast.expr | None, package: str) -> str:
    """What the computed name of a module is known to begin with; a relative one begins with the package."""
    prefix = known_prefix(name)
    if prefix.startswith(".") or (not prefix and anchor is not None):
        return f"{_text(anchor) or package}.{prefix.lstrip('.')}"
    return prefix


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
