"""A generated project on disk, run by one tool: made, made to forget, edited, looked at."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.measure import Cost, log_of, run
from benchmarks.pipeline.shape import Shape, raw_text, write
from benchmarks.pipeline.tools import Tool, environment
from benchmarks.pipeline.work import Work


class ToolProject:
    """The pipeline of `shape` and `work` for `tool`, in a directory of its own below `directory`.

    `options` are added to the tool's command.
    """

    def __init__(
        self, directory: Path, tool: Tool, work: Work, shape: Shape, jobs: int, *, options: Sequence[str] = ()
    ) -> None:
        self.tool = tool
        self.work = work
        self.shape = shape
        self.root = directory / f"{work.name}-{tool.name.replace(', ', '-')}" / "project"
        self._command = (*tool.arguments(jobs), *options)
        self._versions = 0
        home = directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {**environment(home), **tool.environment}
        write(self.root, {**tool.files(shape), "work.py": work.source()})
        self.forget()

    def forget(self) -> None:
        """Back to a project that was never run: raw files and code as they were, nothing else.

        What is forgotten is put aside: after many files were deleted, file systems are slower to make new ones.
        """
        aside = Path(tempfile.mkdtemp(prefix="forgotten-", dir=self.root.parent))
        for number, name in enumerate(("out", *self.tool.state)):
            if os.path.lexists(self.root / name):
                (self.root / name).rename(aside / str(number))
        (self.root / "out").mkdir()
        write(self.root, {"work.py": self.work.source()})
        write(self.root, {name: raw_text(chain, 0, self.work.rows) for chain, name in enumerate(self.shape.raw)})
        for command in self.tool.prepare:
            run(command, self.root, self.environment)

    def run(self) -> Cost:
        """Have the tool bring the pipeline up to date."""
        return run(self._command, self.root, self.environment)

    def output(self) -> str:
        """What the last command printed."""
        return log_of(self.root).read_text("utf-8", "replace")

    def edit_input(self) -> None:
        """Change one raw file to what it never was before."""
        self._versions += 1
        write(self.root, {self.shape.raw[0]: raw_text(0, self._versions, self.work.rows)})

    def edit_helper(self) -> None:
        """Change the function that the stages' function calls."""
        write(self.root, {"work.py": self.work.source("1.02")})

    def outs(self) -> dict[str, str]:
        """The digest of every out that is there."""
        return {
            path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            for path in sorted((self.root / "out").glob("*.csv"))
        }

    def times(self) -> dict[str, int]:
        """When each out was written."""
        return {path.name: path.stat().st_mtime_ns for path in sorted((self.root / "out").glob("*.csv"))}
