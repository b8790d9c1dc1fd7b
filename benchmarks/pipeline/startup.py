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
FORCED = "pivot run --force STAGE"
KEPT = "pivot run --force STAGE --keep-warm 20s"
"""One stage that no other waits for runs, and nothing else; with the second, its libraries stay from the run before."""


def startup(results: Results, directory: Path, pivot: Tool, shape: Shape, *, jobs: int, rounds: int) -> None:
    """Measure the commands in a project of `shape` that is up to date; those of one forced stage too."""
    project = ToolProject(directory / "startup", pivot, PANDAS, shape, jobs)
    project.run()
    *_, last = shape.steps()
    forced = {FORCED: ("pivot", "run", "--force", last.name)}
    kept = {KEPT: ("pivot", "run", "--keep-warm", "20s", "--force", last.name)}
    for commands in (COMMANDS | forced, kept):  # one after the other: what is kept serves any run
        for command in commands.values():
            run(command, project.root, project.environment)
        for _ in range(rounds):
            for name, command in commands.items():
                results.add("startup", name, "time", run(command, project.root, project.environment))
