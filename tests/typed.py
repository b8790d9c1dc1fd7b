"""A user at a shell: a project in a directory of its own, and the commands typed there."""

import json
import os
import subprocess
import sys
import textwrap
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

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [PIVOT, *arguments],
            cwd=self.root,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
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
