"""The tools that are compared, as data: how each is told of the pipeline, started, and made to forget."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs
from pivot_core.config import Settings

from benchmarks.pipeline import definitions
from benchmarks.pipeline.shape import Shape

BIN = Path(sys.executable).parent


@attrs.frozen
class Tool:
    """`command` brings the pipeline up to date, with {jobs} put in; `state` is what the tool keeps in the project.

    `slow` tools get fewer rounds, and none in a quick run. `tracks`: whether it can leave out what is up to date.
    """

    name: str
    distribution: str
    files: Callable[[Shape], dict[str, str]]
    command: tuple[str, ...]
    state: tuple[str, ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    slow: bool = False
    tracks: bool = True

    @property
    def version(self) -> str | None:
        """The installed version; None where the tool is not installed."""
        try:
            return version(self.distribution) if self.distribution else ""
        except PackageNotFoundError:
            return None

    @property
    def available(self) -> bool:
        """Whether it is installed, and has the settings that it is to be run with."""
        settings = {name.removeprefix("PIVOT_").lower() for name in self.environment if name.startswith("PIVOT_")}
        return self.version is not None and settings <= {field.name for field in attrs.fields(Settings)}

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}".strip()

    def arguments(self, jobs: int) -> list[str]:
        return [part.format(jobs=jobs) for part in self.command]


TOOLS = (
    Tool("ideal", "", definitions.ideal, ("python", "main.py", "{jobs}"), tracks=False),
    Tool("ideal, forks", "", definitions.forks, ("python", "main.py", "{jobs}"), tracks=False),
    Tool(
        "Pivot",
        "pivot-cli",
        definitions.pivot,
        ("pivot", "run", "-j", "{jobs}"),
        state=(".pivot",),
    ),
    Tool(
        "Pivot, workers",
        "pivot-cli",
        definitions.pivot,
        ("pivot", "run", "-j", "{jobs}"),
        state=(".pivot",),
        environment={"PIVOT_ISOLATION": "worker"},
    ),
    Tool(
        "doit",
        "doit",
        definitions.doit,
        ("doit", "run", "-n", "{jobs}"),
        state=(".doit.db", ".doit.db.db", ".doit.db.dat", ".doit.db.dir", ".doit.db.bak"),
    ),
    Tool("joblib", "joblib", definitions.joblib, ("python", "main.py", "{jobs}"), state=(".joblib",)),
    Tool("pytask", "pytask", definitions.pytask, ("pytask", "build"), state=(".pytask",)),
    Tool(
        "snakemake",
        "snakemake",
        definitions.snakemake,
        ("snakemake", "--cores", "{jobs}", "--quiet", "all"),
        state=(".snakemake",),
        slow=True,
    ),
    Tool(
        "ninja", "ninja", definitions.ninja, ("ninja", "-j", "{jobs}"), state=(".ninja_log", ".ninja_deps"), slow=True
    ),
    Tool(
        "DVC",
        "dvc",
        definitions.dvc,
        ("dvc", "repro", "--quiet"),
        state=(".dvc", "dvc.lock", ".gitignore", "out/.gitignore", "../dvc-site"),
        prepare=(
            ("dvc", "init", "--no-scm", "--quiet"),
            ("dvc", "config", "core.site_cache_dir", "../dvc-site"),
            ("dvc", "config", "core.analytics", "false"),
        ),
        slow=True,
    ),
)


def environment(home: Path) -> dict[str, str]:
    """The variables that commands are run with: bytecode is kept, and so are users' own settings and caches."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: text for name, text in os.environ.items() if name not in unwanted and not name.startswith("PIVOT_")}
    return {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "DVC_NO_ANALYTICS": "1",
    }
