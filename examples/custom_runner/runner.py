"""Runs a pipeline its own way, one stage after another in this process: python runner.py [PROJECT]"""

import os
import sys
import time
import traceback
from pathlib import Path

from pivot_core import PivotError, Workspace, discover, load_here


def main() -> int:
    project = discover(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    loaded, functions = load_here(project)
    os.chdir(project.root)
    with Workspace(project, loaded) as workspace:
        workspace.check()
        for name in workspace.graph.order:
            decision = workspace.decide(name)
            why = ", ".join(reason.code for reason in decision.reasons)
            print(f"{name}: {decision.verdict}" + (f" ({why})" if why else ""))
            if decision.verdict == "restore":
                workspace.restore(name)
            elif decision.verdict == "run":
                error = run(workspace, name, functions[name])
                if error:
                    print(f"{name}: {error}", file=sys.stderr)
                    return 1
        workspace.settle()
    return 0


def run(workspace, name, function) -> str:
    """Run a stage's function here; returns what went wrong, or nothing."""
    task = workspace.prepare(name)
    began = time.monotonic()
    try:
        function(**task.params)
    except Exception:  # noqa: BLE001 - whatever the stage raises is its failure
        workspace.abandon(task, "raised an exception")
        return traceback.format_exc()
    finished = workspace.collect(task, time.monotonic() - began)
    if finished.error:
        workspace.abandon(task, finished.error)
        return finished.error
    return workspace.record(task, finished)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PivotError as error:
        sys.exit(f"error: {error}")
