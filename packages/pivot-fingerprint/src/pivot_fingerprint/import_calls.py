"""Calls that import: what module they give, or what is known of it."""

import ast
from typing import Final

import attrs

from pivot_fingerprint.parts import Chain, Ref
from pivot_fingerprint.trees import absolute, chain_of

IMPORT_CALLS: Final = ("import_module", "__import__")
LOADERS: Final = frozenset(
    {"run_module", "run_path", "spec_from_file_location", "walk_packages", "iter_modules", "resolve_name", "locate",
     "import_string", "import_object", "load_object"}
)  # fmt: skip
"""Functions which find modules in some other way than by one name."""
_LISTING: Final = ("walk_packages", "iter_modules")
_OWN_PACKAGE: Final = (("__name__",), ("__package__",), ("__spec__", "parent"))
_NAMES: Final = ("__name__", "__package__")


@attrs.frozen
class Start:
    """What the name of a module that is computed is known to begin with."""

    text: str = ""
    module: Chain = ()
    """What leads to the module whose name it begins with."""


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
        start = _package_of(anchor_of(node), package)
        if not start.text:
            return None
        level = len(name) - len(name.lstrip("."))
        name = absolute(start.text, name.lstrip(".") or None, level)
    return name, (name, ())


def anchor_of(node: ast.Call) -> ast.expr | None:
    """The second argument of `import_module`: the package that a relative name starts from."""
    given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    return given[0] if given else None


def start_of(name: ast.expr, anchor: ast.expr | None, package: str) -> Start:
    """What the computed name of a module begins with; a relative one begins with the package."""
    start = _start(name, package)
    if start.text.startswith(".") or (start == Start() and anchor is not None):
        above = _package_of(anchor, package)
        return attrs.evolve(above, text=f"{above.text}.") if above.text else above
    return start


def start_of_found(node: ast.Call, package: str) -> Start:
    """What the names of the modules begin with that `pkgutil.iter_modules(package.__path__)` and the like find."""
    chain = chain_of(node.func)
    paths = [*node.args[:1], *(item.value for item in node.keywords if item.arg == "path")]
    if chain is None or chain[-1] not in _LISTING or not paths:
        return Start()
    path = chain_of(paths[0])
    if path is not None and path[-1] == "__path__" and len(path) > 1:
        return Start(module=path[:-1])
    if package and any(
        isinstance(item, ast.Name) and item.id in ("__path__", "__file__") for item in ast.walk(paths[0])
    ):
        return Start(f"{package}.")
    return Start()


def _start(name: ast.expr, package: str) -> Start:
    """ "plugins." for `f"plugins.{x}"` and for `"plugins." + x`; the module for `f"{plugins.__name__}.{x}"`."""
    match name:
        case ast.JoinedStr(values=[first, *_]):
            return _start(first, package)
        case ast.FormattedValue(value=inner) | ast.BinOp(left=inner):
            return _start(inner, package)
        case ast.Call(func=ast.Attribute(value=ast.Constant(str(text)), attr="format"), args=[first, *_]) if (
            text.startswith("{}")
        ):
            return _start(first, package)
        case ast.Call(func=ast.Attribute(value=ast.Constant(str(text)), attr="format")):
            return Start(text.partition("{")[0])
        case ast.Constant(str(text)):
            return Start(text.partition("%")[0].partition("{")[0])
    return _named_by(chain_of(name), package)


def _named_by(chain: Chain | None, package: str) -> Start:
    """The package of the code at hand for `__name__`, the module for `plugins.__name__`."""
    if chain in _OWN_PACKAGE:
        return Start(f"{package}.")
    if chain is not None and chain[-1] in _NAMES:
        return Start(module=chain[:-1])
    return Start()


def _package_of(anchor: ast.expr | None, package: str) -> Start:
    """The package that a relative name starts from, without a dot at the end."""
    text = _text(anchor)
    if anchor is None or text is not None:
        return Start(text or package)
    named = _named_by(chain_of(anchor), package)
    return attrs.evolve(named, text=named.text.rstrip("."))


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
