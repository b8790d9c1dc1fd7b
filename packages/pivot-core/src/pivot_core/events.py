"""What happens during a run, as frozen facts. Every way of showing a run reads these and nothing else.

An event travels in an `Envelope`: the run it belongs to, a sequence number that grows by one, and the time. The JSON
form carries a version, so that a stored run can be replayed by a later Pivot.
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar

import attrs

from pivot_core.reasons import Reason

EVENT_VERSION = 1


class Outcome(enum.Enum):
    """How a stage came out of a run."""

    RAN = "ran"
    UP_TO_DATE = "up to date"
    RESTORED = "restored"
    FAILED = "failed"
    BLOCKED = "blocked"  # an upstream stage failed
    CANCELLED = "cancelled"  # the run ended before the stage could start or finish


@attrs.frozen
class LoadStarted:
    """The pipeline is imported now. That may be before the run starts, or when the first stage has to run."""

    kind: ClassVar = "load_started"
    pipeline: str  # as the setting says it


@attrs.frozen
class LoadFinished:
    """Importing the pipeline has ended, well or not."""

    kind: ClassVar = "load_finished"
    seconds: float


@attrs.frozen
class RunStarted:
    kind: ClassVar = "run_started"
    stages: tuple[str, ...]
    jobs: int


@attrs.frozen
class StageStarted:
    kind: ClassVar = "stage_started"
    stage: str
    reasons: tuple[Reason, ...]
    log: str  # path of the file that takes what the stage prints


@attrs.frozen
class StageFinished:
    """`seconds` is the time the stage's own work took (0 where it did not run); `error` says why it failed, `output`
    is the end of what it printed then, and `partial` the directory that holds what it had written ("" if nothing)."""

    kind: ClassVar = "stage_finished"
    stage: str
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    seconds: float = 0.0
    error: str = ""
    output: str = ""
    log: str = ""
    partial: str = ""


@attrs.frozen
class Notice:
    """Something the user should know and that stops nothing."""

    kind: ClassVar = "notice"
    message: str
    stage: str = ""


@attrs.frozen
class RunFinished:
    """`seconds` is wall time since the command was started; `stage_seconds` the sum of what the stages took;
    `overhead_seconds` the part of the wall time during which no stage was running.

    `interrupted` is the number of the signal that ended the run; with `error` the run ended before all stages had their
    outcomes, since none could be started."""

    kind: ClassVar = "run_finished"
    outcomes: dict[str, int] = attrs.field(hash=False)  # by Outcome.value
    seconds: float
    stage_seconds: float
    overhead_seconds: float
    interrupted: int | None = None
    error: str = ""


type Event = LoadStarted | LoadFinished | RunStarted | StageStarted | StageFinished | Notice | RunFinished


@attrs.frozen
class Envelope:
    run: str
    sequence: int
    time: float  # seconds since the epoch
    event: Event


def reason_to_data(reason: Reason) -> dict[str, Any]:
    """The JSON form of a reason: its fields and its code under "reason"."""
    return {"reason": reason.code, **attrs.asdict(reason)}


def envelope_to_data(envelope: Envelope) -> dict[str, Any]:
    """The JSON form of an event, flat: version, run, sequence, time, kind, and the event's own fields."""
    data: dict[str, Any] = {
        "version": EVENT_VERSION,
        "run": envelope.run,
        "sequence": envelope.sequence,
        "time": envelope.time,
        "event": envelope.event.kind,
    }
    for field in attrs.fields(type(envelope.event)):
        value = getattr(envelope.event, field.name)
        if field.name == "reasons":
            value = [reason_to_data(reason) for reason in value]
        elif isinstance(value, enum.Enum):
            value = value.value
        data[field.name] = value
    return data
