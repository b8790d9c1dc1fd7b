"""Every tool on the same pipelines, interleaved: cold, nothing to do, one raw file changed, the helper changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.measure import CommandFailed
from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.tools import Tool
from benchmarks.pipeline.work import WORKS, Work


def compare(
    results: Results, directory: Path, tools: Sequence[Tool], shape: Shape, *, jobs: int, rounds: int, slow_rounds: int
) -> None:
    """Measure `tools` on each kind of work, slow ones only in the last `slow_rounds`.

    A tool that fails is left out from there on, and named on stderr.
    """
    for work in WORKS:
        projects = [ToolProject(directory, tool, work, shape, jobs) for tool in tools]
        for number in range(rounds):
            for project in list(projects):
                if project.tool.slow and number < rounds - slow_rounds:
                    continue
                try:
                    _round(results, project, work)
                except CommandFailed as error:
                    print(error, file=sys.stderr)
                    projects.remove(project)
        for project in projects:
            if work.name == "touch" and project.tool.tracks:
                results.fact(f"helper:{project.tool.name}", _sees_helper(project))


def _round(results: Results, project: ToolProject, work: Work) -> None:
    name = project.tool.name
    project.forget()
    cold = project.run()
    results.add(work.name, name, "cold", cold)
    line = f"{work.name:7} {name:15} cold {cold.seconds:7.3f} s"
    if project.tool.tracks:
        noop = project.run()
        results.add(work.name, name, "no-op", noop)
        project.edit_input()
        edit = project.run()
        results.add(work.name, name, "edit", edit)
        line += f"   no-op {noop.seconds:6.3f} s   edit {edit.seconds:6.3f} s"
    print(line, flush=True)


def _sees_helper(project: ToolProject) -> str:
    before = project.outs()
    project.edit_helper()
    project.run()
    after = project.outs()
    return "yes" if all(after[name] != before[name] for name in before) else "no"
