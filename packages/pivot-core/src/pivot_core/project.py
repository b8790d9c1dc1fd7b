"""Discover: which project is this, and which file holds its pipeline?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from pivot_core.config import Settings, pyproject_table, read_settings
from pivot_core.errors import ProjectError

PIVOT_DIRECTORY = ".pivot"
OWN_PACKAGES = frozenset({"pivot", "pivot_core", "pivot_exec", "pivot_cli", "pivot_dvc", "pivot_fingerprint"})
DEFAULT_PIPELINE = "pipeline.py"


@attrs.frozen
class Project:
    """A project root and its settings. All paths that users see are relative to `root`."""

    root: Path
    settings: Settings = attrs.field(factory=Settings)

    @property
    def directory(self) -> Path:
        """Where Pivot keeps its own files."""
        return self.root / PIVOT_DIRECTORY

    @property
    def source_roots(self) -> tuple[Path, ...]:
        """The directories that project modules are imported from: the setting's, the pipeline file's own, the root."""
        entries = [*self.settings.pythonpath, "."]
        if self.pipeline_module is None:
            entries.insert(-1, os.path.dirname(self.settings.pipeline))  # noqa: PTH120 - text in, text out
        return tuple(dict.fromkeys(Path(os.path.normpath(self.root / entry)) for entry in entries))

    @property
    def pipeline_module(self) -> str | None:
        """The dotted name of the pipeline module; None where the setting names a file."""
        name = self.settings.pipeline
        is_file = name.endswith(".py") or "/" in name or os.sep in name
        return None if is_file else name

    def shown(self, path: str | Path) -> str:
        """`path` as users know it: relative to the root where it lies inside."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            return str(path)


def discover(start: Path | None = None, environ: Mapping[str, str] = os.environ) -> Project:
    """Find the project that `start` (default: the working directory) lies in, and read its settings.

    The root is the nearest directory at or above `start` that holds `pipeline.py` (outside of a package), `.pivot/` or
    a `[tool.pivot]` table. Raises ProjectError if there is none or a setting is wrong.
    """
    start = Path(os.path.abspath(start or Path.cwd()))  # noqa: PTH100 - resolve() would follow links that users see as places
    if not start.is_dir():
        raise ProjectError(f"{start}: no such directory")
    root = next((place for place in (start, *start.parents) if is_root(place)), None)
    if root is None:
        if not environ.get("PIVOT_PIPELINE"):
            raise _no_project(start)
        root = start
    root = _enclosing(root, environ) or root
    project = Project(root, read_settings(root, environ))
    for entry in project.settings.pythonpath:
        if not (root / entry).is_dir():
            raise ProjectError(f"pythonpath: no directory {entry!r} in {root}", "Correct the setting `pythonpath`.")
    return project


def _enclosing(root: Path, environ: Mapping[str, str]) -> Path | None:
    """The project above `root` whose pipeline is the one file that makes `root` look like a project."""
    file = root / DEFAULT_PIPELINE
    if (root / PIVOT_DIRECTORY).is_dir() or pyproject_table(root / "pyproject.toml") is not None or not file.is_file():
        return None
    above = next((place for place in root.parents if is_root(place)), None)
    try:
        return above if above is not None and above / read_settings(above, environ).pipeline == file else None
    except ProjectError:
        return None  # whatever is wrong up there, it is not about this one


def _no_project(start: Path) -> ProjectError:
    below = sorted(path.relative_to(start).as_posix() for path in start.glob(f"[!.]*/{DEFAULT_PIPELINE}"))
    if below:
        directory = below[0].partition("/")[0]
        hint = (
            f'{below[0]} is there: put `pipeline = "{below[0]}"` under [tool.pivot] in pyproject.toml, '
            f"so that paths are relative to this directory, or work in that one: pivot -C {directory}."
        )
    elif beside := [path.name for path in sorted(start.glob("*.py")) if _may_declare(path)]:
        hint = (
            f"If {beside[0]} declares the stages, rename it, or put "
            f'`pipeline = "{beside[0]}"` under [tool.pivot] in pyproject.toml.'
        )
    else:
        hint = (
            "Create one with @stage functions in it, go to your project, or name it: "
            "pivot -C DIR, or PIVOT_PIPELINE=FILE."
        )
    return ProjectError(f"no {DEFAULT_PIPELINE} in {start} or above it", hint)


def _may_declare(path: Path) -> bool:
    try:
        return path.is_file() and b"from pivot import" in path.read_bytes()
    except OSError:
        return False


def is_root(place: Path) -> bool:
    """Whether `place` looks like the root of a project."""
    if (place / PIVOT_DIRECTORY).is_dir():
        return True
    if (place / DEFAULT_PIPELINE).is_file() and not (place / "__init__.py").exists():
        return True
    return pyproject_table(place / "pyproject.toml") is not None
