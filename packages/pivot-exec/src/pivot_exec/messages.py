"""What the main process, the template and its workers say to each other, as plain data. A worker is sent `Work`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
from pivot_core.interfaces import Task
from pivot_core.model import Digest, Json
from pivot_core.project import Project
from pivot_core.volatile import Compared


@attrs.frozen
class Prepare:
    """The first message to the base: which project's libraries to import. `debug`: the terminal is its own."""

    project: Project
    debug: bool = False


@attrs.frozen
class Setup:
    """What the base is to load. `debug`: run stages in the loader itself, with the terminal attached.

    `compared` is what is known of values that differ from load to load; `late` are modules that libraries were seen to
    import late. `keep` is for how many seconds the base stays afterwards; None for as long as it was told before, 0 at
    first. `command` are the modules of the command line, which it imports when it stays.
    """

    project: Project
    debug: bool = False
    keep: float | None = None
    compared: Compared = attrs.field(factory=Compared)
    late: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@attrs.frozen
class ImportedAhead:
    """The template has imported these modules, which libraries import late: it changed nothing else."""

    modules: tuple[str, ...]


@attrs.frozen
class Work:
    """What the process of a stage has to know of its task."""

    stage: str
    params: Mapping[str, Json] = attrs.field(hash=False)
    log: str  # path relative to the root
    environment: Mapping[str, str] = attrs.field(hash=False)

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls(task.stage, task.params, task.log, task.environment)


@attrs.frozen
class Run:
    """`work` is a message already: the template hands it on as it is."""

    task: str
    work: bytes
    timeout: float | None = None  # seconds


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
class Done:
    """From a worker: its stage has ended. `error` is empty if it succeeded; `stays` if it takes another task.

    `late` are modules that libraries have imported late.
    """

    error: str
    stays: bool
    late: tuple[str, ...] = ()


@attrs.frozen
class Order:
    """The first message to a spawned worker: what to load, the digests that it must find, and whose child it is.

    `compared` is what was known of values that differ from load to load when these digests were taken.
    """

    project: Project
    digests: Mapping[str, Digest] = attrs.field(hash=False)
    parent: int
    compared: Compared


@attrs.frozen
class Compare:
    """The first message to a process that is to load once more, in the place of `Order`: it answers `SecondLoad`."""

    project: Project
    compared: Compared


@attrs.frozen
class Retry:
    """From a loader to its base: threads were left, so import these modules first, under these variables."""

    modules: tuple[str, ...]
    environment: dict[str, str]
