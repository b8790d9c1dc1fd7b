"""A runner of stages for the tests of isolation, and how they look at processes."""

import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from pivot_core.config import Isolation, Settings
from pivot_core.interfaces import Finished, Limits, Loaded, Lost, Started, Task, Written
from pivot_core.model import FileState
from pivot_core.project import Project
from pivot_exec.local import LocalExecutor

HEAD = "import os, sys, time\nfrom pathlib import Path\nfrom pivot import stage\n"


class NoStore:
    """A store for stages without outs."""

    def missing(self, digests: object) -> set[str]:
        return set()

    def put(self, path: Path) -> FileState:
        raise AssertionError

    def fetch(self, state: FileState, path: Path) -> None:
        raise AssertionError

    def state(self, path: str) -> FileState | None:
        raise AssertionError


class Runner:
    """Runs stages of a pipeline file one after the other, or at once."""

    def __init__(self, root: Path, isolation: Isolation) -> None:
        self.root = root
        self.project = Project(root, Settings(isolation=isolation))
        self.executor = LocalExecutor(self.project, NoStore())
        self.loaded: Loaded | None = None
        self.count = 0
        self.pids: dict[str, int] = {}

    def load(self, source: str) -> Loaded:
        (self.root / "pipeline.py").write_text(HEAD + textwrap.dedent(source))
        self.loaded = self.executor.load(self.project)
        self.executor.start(self.loaded, Limits(2))
        return self.loaded

    def submit(self, stage: str, timeout: float | None = None) -> str:
        assert self.loaded is not None
        self.count += 1
        task = f"{stage}-{self.count}"
        found, code = self.loaded.stages[stage], self.loaded.code[stage].digest
        self.executor.submit(Task(task, stage, code, found.params, {}, (), f"logs/{task}", {}, timeout))
        return task

    def wait(self, task: str) -> Finished:
        while True:
            for report in self.executor.next(60):
                if isinstance(report, Started):
                    self.pids[report.task] = report.pid
                    continue
                if isinstance(report, Written):
                    continue
                assert not isinstance(report, Lost), report
                assert report.task == task
                return report

    def run(self, stage: str, timeout: float | None = None) -> str:
        """Run a stage; returns its error."""
        return self.wait(self.submit(stage, timeout)).error

    def printed(self, stage: str) -> str:
        """Run a stage that has to succeed; returns what it printed."""
        task = self.submit(stage)
        finished = self.wait(task)
        log = (self.root / "logs" / task).read_text()
        assert finished.error == "", log
        return log.strip()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.parent.parent.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
