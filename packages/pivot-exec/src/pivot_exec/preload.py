"""Which libraries will this project import? A scan of its import statements, without running anything of it."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pivot_core.observation.always import site_directories
from pivot_core.project import OWN_PACKAGES, Project

from pivot_exec.messages import Setup


def libraries(project: Project) -> list[str]:
    """The modules to import before the project is, by its setting `preload`.

    For "auto": what the pipeline file, and the project modules that it imports, import anywhere, functions included.
    None if one of them changes os.environ while it is loaded: a library may look there when it is imported.
    """
    preload = project.settings.preload
    if preload == "none":
        return []
    if preload != "auto":
        return list(preload)
    found: dict[str, None] = {}
    for source, tree in _project_modules(project):
        if b"env" in source and _writes_environment(tree):
            return []
        for name in _imports(tree):
            top = name.partition(".")[0]
            if (
                top not in sys.stdlib_module_names
                and top not in OWN_PACKAGES
                and not _project_file(name, project.source_roots)
            ):
                found[name] = None
    return list(found)


def absent(project: Project) -> list[str]:
    """The modules that the setting `preload` names, and that are not there."""
    preload = project.settings.preload
    return [] if isinstance(preload, str) else [name for name in preload if not _is_there(name.partition(".")[0])]


def _is_there(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except Exception:  # noqa: BLE001 - finders are anybody's code, and one that fails has something of that name
        return True


def import_all(names: Iterable[str]) -> None:
    """Import what can be imported; what cannot, or is somebody's own code, is left to the code that wants it.

    Code outside of the site directories, as with editable installs, is the project's: it is served as it is read.
    """
    for name in names:
        try:
            if not _is_installed(name.partition(".")[0]):
                continue
            importlib.import_module(name)
        except (Exception, SystemExit):  # noqa: BLE001 - whatever a library raises is for the stage that imports it
            continue


def _is_installed(name: str) -> bool:
    """Whether a top-level module is Python's or a distribution's. Raises what finders raise."""
    if name in sys.modules:
        return True
    spec = importlib.util.find_spec(name)
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        return True
    return str(spec.origin).startswith((*site_directories(), sysconfig.get_path("stdlib")))


def import_late(setup: Setup) -> None:
    """Import what libraries were seen to import late, in earlier runs: of those libraries that are imported by now."""
    if setup.project.settings.preload != "none":
        import_all(name for name in setup.late if name.partition(".")[0] in sys.modules)


def import_state() -> None:
    """Import what workers of many stages need, before the project can hide it by modules of the same names."""
    importlib.import_module("pivot_exec.state")


def import_command(names: Iterable[str]) -> None:
    """Import the modules of a command line, for those that will run in forks of this process."""
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


def _project_modules(project: Project) -> Iterator[tuple[bytes, ast.Module]]:
    roots = project.source_roots
    module = project.pipeline_module
    start = _project_file(module, roots) if module else project.root / project.settings.pipeline
    waiting, seen = [start] if start else [], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            source = path.read_bytes()
            tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError):
            continue
        yield source, tree
        near = (*roots, path.parent)
        waiting += [file for name in _imports(tree) if (file := _project_file(name, near))]
        waiting += [file for place, name in _relative_imports(tree, path) if (file := _project_file(name, (place,)))]


def _imports(tree: ast.Module) -> Iterator[str]:
    """The names that are imported, apart from the relative ones; what comes from a module may be one itself."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _modules_of(node)


def _relative_imports(tree: ast.Module, path: Path) -> Iterator[tuple[Path, str]]:
    """The names that the file at `path` imports relatively, each with the directory that it counts from."""
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom) and node.level and len(path.parents) >= node.level:
            yield from ((path.parents[node.level - 1], name) for name in _modules_of(node))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, those within others too; most of a tree is in the expressions, and no import is there."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            waiting += getattr(node, field, ())
        yield node


def _modules_of(node: ast.ImportFrom) -> Iterator[str]:
    prefix = f"{node.module}." if node.module else ""
    if node.module:
        yield node.module
    yield from (f"{prefix}{alias.name}" for alias in node.names if alias.name.islower())


def _project_file(name: str, roots: Sequence[Path]) -> Path | None:
    parts = name.split(".")
    for root in roots:
        if not ((root / parts[0]).is_dir() or (root / f"{parts[0]}.py").is_file()):
            continue
        for end in range(len(parts), 0, -1):
            place = root.joinpath(*parts[:end])
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.is_file():
                    return file
        return root / parts[0]
    return None


def _writes_environment(tree: ast.Module) -> bool:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del) and _is_environ(node.value):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changes = node.func.attr in ("update", "setdefault", "pop", "clear") and _is_environ(node.func.value)
            if changes or node.func.attr in ("putenv", "unsetenv"):
                return True
        waiting += ast.iter_child_nodes(node)
    return False


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )
