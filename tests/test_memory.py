"""Memory does not grow with what stages print."""

import subprocess
import sys

import pytest
from typed import PIVOT, Typed

MEGABYTES = 200
MARGIN = 40  # megabytes; a run takes some more or less each time

PRINTING = """
    import os
    from pivot import stage

    @stage(outs=["a.txt"])
    def loud():
        line = "x" * 1023 + "\\n"
        for _ in range(int(os.environ["MEGABYTES"])):
            print(line * 1024, end="")
        open("a.txt", "w").close()
        if os.environ["FAILS"]:
            raise ValueError("after all that")
    """

# A process of its own, since what a process starts counts with the memory that it had itself.
MEASURE = """
import resource, subprocess, sys
result = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(result.returncode, used // (1024 if sys.platform == "linux" else 1024**2), len(result.stdout))
"""


def run_measured(project: Typed, megabytes: int, fails: str) -> tuple[int, int, int]:
    """The exit code, the memory of the largest process of the run in megabytes, and how many bytes it printed."""
    result = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, PIVOT, "run", "--force"],
        cwd=project.root,
        env=project.environment(MEGABYTES=str(megabytes), FAILS=fails),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    code, used, printed = map(int, result.stdout.split())
    return code, used, printed


@pytest.mark.parametrize("fails", ["", "fails"])
def test_memory_does_not_grow_with_what_a_stage_prints(project: Typed, fails: str) -> None:
    """Neither that of the main process nor that of another. All is in the log, and its end is shown on failure."""
    project.write("pipeline.py", PRINTING)
    code, quiet, _ = run_measured(project, 0, fails)
    assert code == bool(fails)
    code, loud, printed = run_measured(project, MEGABYTES, fails)
    log = project.root / ".pivot/logs/loud.log"
    size = log.stat().st_size
    log.unlink()  # pytest keeps the directory for a while
    assert code == bool(fails)
    assert size >= MEGABYTES << 20
    assert printed < 1 << 20
    assert loud < quiet + MARGIN
