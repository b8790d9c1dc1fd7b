"""Kill a run before each change that it makes to the disk: the next one is right."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pivot_core.project import Project
from pivot_core.testing import make_loaded, make_stage, run_here
from pivot_core.workspace import Workspace

STAGES = (make_stage("a", ["in"], ["mid", "dir"]), make_stage("b", ["mid"], ["end"]))

# Audit events tell of each open for writing, rename, unlink and so on, before it happens.
PROGRAM = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_workspace_crash import go

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect"}
left = int(sys.argv[2])
armed = False

def hook(event, arguments):
    global left
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if armed and (writes or event in CHANGES):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
root = Path(sys.argv[1])
armed = True
go(root)
print("done")
"""


def go(root: Path) -> None:
    def first() -> None:
        text = (root / "in").read_text()
        (root / "mid").write_text(text)
        (root / "dir").mkdir()
        (root / "dir" / "x").write_text(text)

    functions = {"a": first, "b": lambda: (root / "end").write_text((root / "mid").read_text() * 2)}
    with Workspace(Project(root), make_loaded(*STAGES)) as workspace:
        run_here(workspace, functions)


def test_a_run_that_was_killed_anywhere_is_made_good_by_the_next(tmp_path: Path) -> None:
    kills = 0
    for steps in range(0, 400, 3):
        root = tmp_path / str(steps)
        root.mkdir()
        (root / "in").write_text("1")
        go(root)
        (root / "in").write_text("2")
        command = [sys.executable, "-c", PROGRAM, str(root), str(steps), str(Path(__file__).parent)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            assert result.stdout == "done\n"
            break
        assert result.returncode == -signal.SIGKILL, result.stderr
        kills += 1
        go(root)
        assert [(root / name).read_text() for name in ("mid", "dir/x", "end")] == ["2", "2", "22"]
        with Workspace(Project(root), make_loaded(*STAGES), readonly=True) as workspace:
            assert {decision.verdict for decision in workspace.plan().values()} == {"up_to_date"}
    else:
        raise AssertionError("the run was never left to end")
    assert kills > 5
