"""Lock files: Pivot's, one for each stage, beside dvc.lock, one for all.

    python -m benchmarks.pipeline.locks pivot|dvc

in a project that is up to date: writes what is on record for every stage once more, as after a run of each, and prints
the seconds it took.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from benchmarks.pipeline.measure import Cost, run
from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.tools import TOOLS, Tool
from benchmarks.pipeline.work import TOUCH

ROOT = Path(__file__).parents[2]
WRITE = "write"
SOME = 10  # stages of DVC that are written


def locks(results: Results, directory: Path, shape: Shape, *, jobs: int, rounds: int) -> None:
    """Measure how long either takes to write all records of the pipeline, stage by stage."""
    found = {tool.name: tool for tool in TOOLS if tool.available}
    if not {"Pivot", "DVC"} <= set(found):
        return
    pivot = _up_to_date(directory, found["Pivot"], shape, jobs)
    pivot.run()
    dvc = _up_to_date(directory, found["DVC"], shape, jobs)
    run(("dvc", "commit", "--force", "--quiet"), dvc.root, dvc.environment)
    for _ in range(rounds):
        for name, project in (("pivot", pivot), ("dvc", dvc)):
            seconds = _written(project, name)
            results.add("locks", project.tool.name, WRITE, Cost(seconds, 0.0, 0))
            print(f"locks   {project.tool.name:15} {seconds * 1000:.0f} ms for {shape.count} stages", flush=True)


def _up_to_date(directory: Path, tool: Tool, shape: Shape, jobs: int) -> ToolProject:
    """A project with its outs in place, made by the work alone."""
    ideal = ToolProject(directory / "locks", TOOLS[0], TOUCH, shape, jobs)
    ideal.run()
    project = ToolProject(directory / "locks", tool, TOUCH, shape, jobs)
    shutil.copytree(ideal.root / "out", project.root / "out", dirs_exist_ok=True)
    return project


def _written(project: ToolProject, name: str) -> float:
    answer = project.root / "seconds"
    environment = {**project.environment, "PYTHONPATH": str(ROOT)}
    run(("python", "-m", "benchmarks.pipeline.locks", name, str(answer)), project.root, environment)
    return float(answer.read_text())


def write_pivot(root: Path) -> float:
    """Write the lock files of the project at `root` once more; the seconds it took."""
    from pivot_core.storage.lockfile import LockFiles

    directory = root / ".pivot" / "stages"
    files = LockFiles(directory)
    records = [record for path in sorted(directory.glob("*.lock")) if (record := files.read(path.stem))]
    shutil.rmtree(directory)
    start = time.perf_counter()
    for record in records:
        files.write(record)
    return time.perf_counter() - start


def write_dvc(root: Path) -> float:
    """Write the stages of the repository at `root` into its dvc.lock once more; the seconds that it takes for all.

    Each stage writes the whole file anew, so a few of them tell what all take.
    """
    from dvc.repo import Repo  # type: ignore[import-untyped] # DVC ships no types

    with Repo(str(root)) as repo:
        stages = list(repo.index.stages)
        some = stages[:: max(1, len(stages) // SOME)]
        start = time.perf_counter()
        for stage in some:
            stage.dump(update_pipeline=False)
        return (time.perf_counter() - start) * len(stages) / len(some)


if __name__ == "__main__":
    writers = {"pivot": write_pivot, "dvc": write_dvc}
    Path(sys.argv[2]).write_text(str(writers[sys.argv[1]](Path.cwd())))
