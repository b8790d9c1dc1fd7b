"""What the main process and the template say to each other, as plain data."""

from __future__ import annotations

import attrs
from pivot_core.interfaces import Task
from pivot_core.project import Project


@attrs.frozen
class Setup:
    """The first message to the base. `debug`: run stages in the loader itself, with the terminal attached."""

    project: Project
    debug: bool = False


@attrs.frozen
class Run:
    task: Task


@attrs.frozen
class Cancel:
    task: str
    grace: float  # seconds


@attrs.frozen
class Ended:
    """The process of a stage is gone, and all that it started. `error` is empty if it succeeded."""

    task: str
    seconds: float
    error: str = ""
    notices: tuple[str, ...] = ()


@attrs.frozen
class Retry:
    """From a loader to its base: threads were left, so import these modules first, under these variables."""

    modules: tuple[str, ...]
    environment: dict[str, str]
