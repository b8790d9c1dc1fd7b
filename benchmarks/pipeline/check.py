"""Does every tool do the same work? Small pipelines, whose outs are compared: `python -m benchmarks.pipeline.check`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

from benchmarks.pipeline.project import ToolProject
from benchmarks.pipeline.shape import Shape
from benchmarks.pipeline.tools import TOOLS, Tool
from benchmarks.pipeline.work import TOUCH, WORKS, Work

SMALL = Shape(count=7, length=4)


def check(tool: Tool, work: Work, directory: Path) -> list[str]:
    """What is wrong with how `tool` runs the pipeline; also has all its modules compiled."""
    ideal = ToolProject(directory, TOOLS[0], work, SMALL, 2)
    project = ToolProject(directory / "checked", tool, work, SMALL, 2)
    wrong = []
    for what in ("cold", "edit"):
        if what == "edit":
            ideal.edit_input()
            project.edit_input()
        ideal.run()
        project.run()
        if project.outs() != ideal.outs():
            wrong.append(f"{tool.name}, {work.name}, {what}: other outs than the work alone gives")
        before = project.times()
        project.run()
        if tool.tracks and project.times() != before:
            wrong.append(f"{tool.name}, {work.name}, after {what}: ran again though nothing changed")
    return wrong


def main(names: Collection[str] = (), works: Iterable[Work] = WORKS) -> int:
    """Check the tools of these names (default: all that are installed) on these works."""
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        for tool in TOOLS:
            if (names and tool.name not in names) or not tool.available:
                continue
            for work in works:
                wrong += check(tool, work, Path(directory))
            print(f"{tool.label}: checked", flush=True)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", help="names of tools (default: all that are installed)")
    parser.add_argument("--touch", action="store_true", help="only with trivial stages")
    options = parser.parse_args()
    sys.exit(main(options.tools, (TOUCH,) if options.touch else WORKS))
