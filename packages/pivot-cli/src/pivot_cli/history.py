"""What a run leaves on record in the state database: its events, and which stages failed."""

from __future__ import annotations

import uuid
from contextlib import suppress

from pivot_core.clearing import partial_outs
from pivot_core.events import Envelope, Outcome, StageFinished, envelope_to_data
from pivot_core.project import Project
from pivot_core.storage.remove import remove
from pivot_core.storage.state import Failure, StateDB

_WELL = (Outcome.RAN, Outcome.UP_TO_DATE, Outcome.RESTORED)


class History:
    """A receiver of the envelopes of one run, `run`. A failure is recorded when it happens, all the rest by `save`."""

    def __init__(self, project: Project) -> None:
        self.run = uuid.uuid4().hex
        self._project = project
        self._state: StateDB | None = None
        self._failures: set[str] = set()
        self._envelopes: list[Envelope] = []
        self._did_something = False

    def attach(self, state: StateDB) -> None:
        """From now on record in `state`."""
        self._state = state
        self._failures = set(state.failures())

    def send(self, envelope: Envelope) -> None:
        self._envelopes.append(envelope)
        event = envelope.event
        if isinstance(event, StageFinished):
            self._did_something |= event.outcome is not Outcome.UP_TO_DATE
            if event.outcome is Outcome.FAILED or _was_stopped(event):
                self._failed(event, envelope.time)
            elif event.outcome in _WELL and event.stage in self._failures:
                self._mended(event.stage)

    def save(self) -> None:
        """Keep the events, if the run did anything."""
        if self._did_something and self._state is not None:
            self._state.add_events((item.run, item.sequence, envelope_to_data(item)) for item in self._envelopes)
            self._state.forget_old_runs()

    def _failed(self, event: StageFinished, time: float) -> None:
        if self._state is not None:
            stopped = _was_stopped(event)
            failure = Failure(time, event.error, event.seconds, event.log, event.partial, interrupted=stopped)
            self._state.save_failure(event.stage, failure)

    def _mended(self, stage: str) -> None:
        """The stage is as it should be: neither how it failed nor what it wrote then matters any more."""
        assert self._state is not None
        self._failures.remove(stage)
        self._state.forget_failure(stage)
        with suppress(OSError):
            remove(partial_outs(self._project, stage))


def _was_stopped(event: StageFinished) -> bool:
    """Whether a stage had started when the run was ended, and was stopped with it."""
    return event.outcome is Outcome.CANCELLED and bool(event.log)
