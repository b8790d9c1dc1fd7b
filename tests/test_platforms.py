"""Systems that cannot fork processes: they get one clear error, and what needs no processes works there."""

import os
import subprocess
import sys

import pytest
from typed import Typed

WITHOUT_FORK = """
import os, sys
for name in ("fork", "pipe2", "setsid", "killpg", "sysconf", "register_at_fork", "waitid"):
    if hasattr(os, name):
        delattr(os, name)
from pivot_cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def type_without_fork(project: Typed, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_FORK, *arguments],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("command", ["run", "status", "explain", "list"])
def test_a_system_that_cannot_fork_is_told_so(project: Typed, command: str) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs=['a.txt'])\ndef a():\n    pass\n")
    result = type_without_fork(project, command)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: pipelines are loaded in a process that is forked, and this system cannot fork processes",
        "hint: Use Linux, macOS, or Linux in Windows (WSL 2).",
    ]


def test_help_and_version_work_everywhere(project: Typed) -> None:
    assert "run" in type_without_fork(project, "--help").stdout
    assert type_without_fork(project, "--version").stdout.startswith("pivot ")


@pytest.mark.skipif(hasattr(os, "fork"), reason="this system can fork")
def test_the_command_itself_says_so(project: Typed) -> None:
    project.write("pipeline.py", "")
    assert "cannot fork processes" in project.pivot("run", code=2).stderr


def test_pipelines_can_be_loaded_without_processes(project: Typed) -> None:
    """A runner of one's own, with pivot_core alone, loads in its own process."""
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs=['a.txt'])\ndef a():\n    pass\n")
    program = (
        "import os, pathlib\n"
        "if hasattr(os, 'fork'): del os.fork\n"
        "from pivot_core import InlineLoader, discover\n"
        "print(*InlineLoader().load(discover(pathlib.Path('.'))).stages)\n"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=project.root, env=project.environment(), capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("a\n", "")
