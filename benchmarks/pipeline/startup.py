"""What starting costs: Pivot with nothing to do, beside the interpreter and the imports that set the floor."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pipeline.measure import run
from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.tools import Tool
from benchmarks.pipeline.work import PANDAS

YARDSTICK = "python -c 'import click'"
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("python", "-c", "pass"),
    YARDSTICK: ("python", "-c", "import click"),
    "python -c 'import pandas'": ("python", "-c", "import pandas"),
    "pivot --version": ("pivot", "--version"),
    "pivot --help": ("pivot", "--help"),
    "pivot run": ("pivot", "run"),
    "pivot status": ("pivot", "status"),
    "pivot explain": ("pivot", "explain"),
}


def startup(results: Results, directory: Path, pivot: Tool, shape: Shape, *, jobs: int, rounds: int) -> None:
    """Measure the commands in a project of `shape` that is up to date."""
    project = ToolProject(directory / "startup", pivot, PANDAS, shape, jobs)
    project.run()
    for command in COMMANDS.values():
        run(command, project.root, project.environment)
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            results.add("startup", name, "time", run(command, project.root, project.environment))
