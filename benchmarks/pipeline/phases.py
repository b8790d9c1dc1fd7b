"""Where the time of Pivot's cold run goes, by `pivot run --profile`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.measure import Cost
from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.tools import Tool
from benchmarks.pipeline.work import WORKS

PHASE = re.compile(r"^(\w[\w. ]*?) +(\d+) +(\d+\.\d+)$", re.MULTILINE)


def phases(results: Results, directory: Path, pivots: Sequence[Tool], shape: Shape, *, jobs: int, rounds: int) -> None:
    """Measure each kind of work with each way of isolating stages; column `tool, work`."""
    projects = [
        ToolProject(directory / "phases", tool, work, shape, jobs, options=("--profile",))
        for tool in pivots
        for work in WORKS
    ]
    for _ in range(rounds):
        for project in projects:
            project.forget()
            project.run()
            for phase, _, seconds in PHASE.findall(project.output()):
                column = f"{project.tool.name}, {project.work.name}"
                results.add("phases", phase, column, Cost(float(seconds), 0.0, 0))
