"""A user at a shell: a project in a directory of its own, and the commands typed there."""

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

PIVOT = str(Path(sys.executable).with_name("pivot"))


class Typed:
    """A temporary project outside of the repository, and what was typed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.variables: dict[str, str] = {}

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(textwrap.dedent(text), "utf-8")

    def read(self, path: str) -> str:
        return (self.root / path).read_text("utf-8")

    def environment(self, **variables: str) -> dict[str, str]:
        # Without bytecode, every command would compile all that it imports.
        left = ("PIVOT_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left)}
        return {**kept, **self.variables, **variables}

    def start(self, *arguments: str, as_job: bool = False, **variables: str) -> "subprocess.Popen[str]":
        """Type `pivot …` and go on; `as_job`: in a process group of its own, as a shell on a terminal has it."""
        return subprocess.Popen(
            [PIVOT, *arguments],
            cwd=self.root,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0 if as_job else None,
        )

    def pivot(self, *arguments: str, code: int | None = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Type `pivot …`; the exit code has to be `code` (None: any)."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=100)
        assert code is None or process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run(self, *arguments: str, code: int = 0, **variables: str) -> dict[str, str]:
        """`pivot run`: the outcome of each stage."""
        out = self.pivot("run", "--json", *arguments, code=code, **variables).stdout
        events: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
        return {event["stage"]: event["outcome"] for event in events if event["event"] == "stage_finished"}

    def ran(self, *arguments: str, code: int = 0, **variables: str) -> set[str]:
        """`pivot run`: the stages that ran."""
        return {stage for stage, outcome in self.run(*arguments, code=code, **variables).items() if outcome == "ran"}

    def until_it_writes(self, process: "subprocess.Popen[str]", path: str) -> None:
        """Wait until there is a file at `path`, which `process` is to bring about."""
        deadline = time.monotonic() + 90
        while not (self.root / path).exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def processes(self) -> list[str]:
        """The command lines of the processes that were started with the variable MARK set to the root, ended ones not
        counted; none at all where the system is not Linux.
        """
        mark, found = f"MARK={self.root}".encode(), []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = int(place.name) != os.getpid() and mark in (place / "environ").read_bytes()
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended meanwhile
            if is_ours and state != "Z":
                found.append(line)
        return found

    def nothing_left(self) -> bool:
        """Whether all of these have ended, or soon do."""
        deadline = time.monotonic() + 60
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.processes()
