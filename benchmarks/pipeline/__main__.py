"""Measure and report: `uv run --group bench python -m benchmarks.pipeline`.

Everything takes half an hour, most of it in the slow tools; `--quick` leaves those out and takes two minutes on a
machine that does nothing else. `--scale` adds pipelines of up to 20,000 stages. The report of a full run goes to
docs/benchmarks/ and into docs/benchmarks.md, that of a quick one into the directory for temporary files, or where
`--to` says.
"""

from __future__ import annotations

import argparse
import compileall
import os
import tempfile
from pathlib import Path

from benchmarks.pipeline import check, machine, report
from benchmarks.pipeline.compare import compare
from benchmarks.pipeline.locks import locks
from benchmarks.pipeline.phases import phases
from benchmarks.pipeline.results import Results
from benchmarks.pipeline.scale import scale
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.startup import startup
from benchmarks.pipeline.tools import TOOLS

COUNTS = (1000, 5000, 20000)
ROOT = Path(__file__).parents[2]


def main() -> None:
    options = _options()
    tools = [tool for tool in TOOLS if tool.available and not (options.quick and tool.slow)]
    if options.tools:
        tools = [tool for tool in tools if tool.name in options.tools]
    for tool in TOOLS:
        if tool.version is None:
            print(f"{tool.name} is not installed, so it is left out (uv sync --group bench)")
    options.to.mkdir(parents=True, exist_ok=True)
    results = Results(options.to / "results.json")
    for name, text in machine.facts(tools, options.jobs).items():
        results.fact(name, text)
    compileall.compile_dir(ROOT / "packages", quiet=2)
    if check.main([tool.name for tool in tools]):
        print("the tools do not do the same work: see above")
    shape = Shape(options.stages)
    with tempfile.TemporaryDirectory(prefix="pivot-benchmark-", dir=options.work) as name:
        directory = Path(name)
        rounds = options.rounds or (3 if options.quick else 5)
        pivots = [tool for tool in tools if tool.distribution == "pivot-cli"]
        if pivots:
            startup(results, directory, pivots[0], shape, jobs=options.jobs, rounds=2 * rounds + 1)
        compare(
            results,
            directory,
            tools,
            shape,
            jobs=options.jobs,
            rounds=rounds,
            slow_rounds=min(options.slow_rounds, rounds),
        )
        phases(results, directory, pivots, shape, jobs=options.jobs, rounds=rounds)
        if not options.quick:
            locks(results, directory, shape, jobs=options.jobs, rounds=3)
        if options.scale is not None:
            scale(results, directory, options.scale or COUNTS, jobs=options.jobs)
    print(report.write(results, options.to))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and without the slow tools")
    parser.add_argument(
        "--scale",
        nargs="*",
        type=int,
        metavar="STAGES",
        help="large pipelines (1000 5000 20000), directories, files, too",
    )
    parser.add_argument("--stages", type=int, default=176, help="stages of the pipeline (default: 176)")
    parser.add_argument("--jobs", type=int, default=os.process_cpu_count() or 1, help="workers (default: the CPUs)")
    parser.add_argument("--rounds", type=int, help="rounds of which the median is told (default: 5, quick: 3)")
    parser.add_argument("--slow-rounds", type=int, default=3, help="rounds of the slow tools (default: 3)")
    parser.add_argument("--tools", nargs="+", help="only these tools, by their names in the report")
    parser.add_argument("--to", type=Path, help="where the report goes")
    parser.add_argument("--work", type=Path, help="where the projects are made (default: the system's own place)")
    options = parser.parse_args()
    to = Path(tempfile.gettempdir(), "pivot-benchmark") if options.quick else ROOT / "docs" / "benchmarks"
    options.to = options.to or to
    return options


if __name__ == "__main__":
    main()
