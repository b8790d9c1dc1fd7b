"""The seams between the parts of Pivot. Each has a working default; another one needs no change elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs
from pivot_fingerprint import Fingerprint

from pivot_core.model import Accepted, Digest, FileState, Json, Out, Record, Stage
from pivot_core.observation.model import Observed
from pivot_core.volatile import Compared

if TYPE_CHECKING:
    from pivot_core.events import Event
    from pivot_core.project import Project


@attrs.frozen
class Loaded:
    """What loading a pipeline gave, as plain data: it can cross a process border.

    `stages` and `code` are keyed by stage name, in order of declaration; `bundle` holds the bytes of every project
    source that was read, by path; `source_text` the normalised source of code entries, by digest; `notices` are
    things to tell the user; `observed` is what loading depended on, None if nobody watched; `compared` is what is known
    of values that differ from load to load, after this load.
    """

    stages: Mapping[str, Stage] = attrs.field(hash=False)
    code: Mapping[str, Fingerprint] = attrs.field(hash=False)
    bundle: Mapping[str, bytes] = attrs.field(factory=dict, hash=False)
    source_text: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    notices: tuple[str, ...] = ()
    observed: Observed | None = None
    compared: Compared = attrs.field(factory=Compared)


class Loader(Protocol):
    """Imports a pipeline somewhere and says what is in it."""

    def load(self, project: Project) -> Loaded:
        """Import the pipeline of `project` and fingerprint its stages. Raises PipelineError."""


@attrs.frozen
class Task:
    """One run of one stage, as plain data. `deps` are the digests it was planned with."""

    id: str
    stage: str
    code: Digest
    params: Mapping[str, Json] = attrs.field(hash=False)
    deps: Mapping[str, FileState] = attrs.field(hash=False)
    outs: tuple[Out, ...]
    log: str  # path relative to the root, of the file that takes what the stage prints
    environment: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    timeout: float | None = None  # seconds


@attrs.frozen
class Started:
    """The task runs now, in the process `pid`."""

    task: str
    pid: int


@attrs.frozen
class Written:
    """The stage's process ended, and its outs are there: while they are stored another may run. `Finished` follows.

    An executor that has not much to store need not say so.
    """

    task: str


@attrs.frozen
class Finished:
    """The stage's process ended. `error` is empty when it succeeded and all outs are there; else it says what went
    wrong ("exit code 3", "killed by SIGSEGV", "did not write model.pkl", …). `outs` are already in the store, `missing`
    are outs that a stage which did not fail itself left unwritten."""

    task: str
    seconds: float
    error: str = ""
    outs: Mapping[str, FileState] = attrs.field(factory=dict, hash=False)
    notices: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@attrs.frozen
class Lost:
    """What was to run the task is gone; the task did not finish and says nothing about its stage."""

    task: str
    why: str


@attrs.frozen
class Withdrawn:
    """The task waited for others to end, and will not be started: one of them failed, or it was cancelled. It may be
    submitted again.
    """

    task: str


type Report = Started | Written | Finished | Lost | Withdrawn


@attrs.frozen
class Limits:
    """`jobs` is how many tasks may run at once."""

    jobs: int


class Executor(Protocol):
    """Runs tasks somewhere. Workers never plan, and the executor never writes lock files."""

    def expect(self) -> bool:
        """`start` will be called: what it waits for may come up meanwhile. Returns whether it would not wait now."""

    def start(self, loaded: Loaded, limits: Limits) -> None: ...

    def ahead(self) -> int:
        """How many more tasks it takes now than may run at once: those wait for one of these to end, and need not be
        sent then."""

    def submit(self, task: Task) -> None: ...

    def next(self, timeout: float | None) -> Sequence[Report]:
        """Wait up to `timeout` seconds (None: as long as it takes) and return what was reported meanwhile."""

    def wake(self) -> None:
        """Make `next` return at once. May be called from signal handlers and other threads."""

    def cancel(self, task: str, grace: float) -> None:
        """Ask the task to end (SIGTERM), and end it after `grace` seconds."""

    def close(self) -> None:
        """End everything that was started, at once. Calling it twice is harmless."""


class Store(Protocol):
    """Objects by digest. An object is immutable: whatever was put is what can be fetched, or nothing."""

    def state(self, path: str) -> FileState | None:
        """What is at `path`, whether it is stored or not; None where there is nothing."""

    def missing(self, digests: Collection[Digest]) -> set[Digest]: ...

    def put(self, path: Path) -> FileState:
        """Store the file or directory at `path` and return what it is."""

    def fetch(self, state: FileState, path: Path) -> None:
        """Put the object at `path`, replacing what is there. Raises MissingObjectError if it is gone or damaged."""


class Records(Protocol):
    """The last record of each stage."""

    def read(self, stage: str) -> Record | None:
        """The last record of a stage; None where there is none or it fails its check."""

    def write(self, record: Record) -> None: ...


class RunCache(Protocol):
    """Outs of earlier runs, by the key of all that they depend on."""

    def find(self, key: str) -> Mapping[str, FileState] | None:
        """The outs, by path, of an earlier run with this key."""

    def accepted(self, key: str) -> Accepted | None:
        """What code made those outs, if the key's own was only accepted as equivalent."""

    def add(self, key: str, outs: Mapping[str, FileState], accepted: Accepted | None = None) -> None: ...


class EventSink(Protocol):
    """Takes the events of a run, in order."""

    def emit(self, event: Event) -> None: ...
