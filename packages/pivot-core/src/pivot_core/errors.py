"""Errors as users see them: what is wrong, where, and what to do."""

from __future__ import annotations

import attrs

from pivot_core.model import Location

SEE_THERE = "See what stands in the way there, and whether you may write."


@attrs.define
class PivotError(Exception):
    """Something the user can mend; printed without a traceback of ours.

    `message` says what is wrong, `hint` what to do about it, `where` the file and line at fault (if there is one),
    and `traceback` the user's own frames, already formatted (if their code raised).
    """

    message: str
    hint: str = ""
    where: Location | None = None
    traceback: str = ""

    exit_code = 2

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.hint, self.where, self.traceback)


class ProjectError(PivotError):
    """The project, its settings or one of its files cannot be used as they are."""


class PipelineError(PivotError):
    """The pipeline is defined wrongly: a bad declaration, graph or target, or an error in the user's module."""


class BusyError(PivotError):
    """Another process runs this pipeline at the moment."""


class SnapshotError(PivotError):
    """What was kept of an earlier load is not what loading the pipeline gives now."""
