"""What to do next: the scheduler as a state machine. Events in, instructions out; it does and measures nothing."""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Collection, Mapping, Sequence

import attrs


@attrs.frozen
class Decide:
    """Find out whether the stage has to run, and say so: `up_to_date` or `must_run`."""

    stage: str


@attrs.frozen
class Launch:
    """Start the stage, and say `finished` when it ended."""

    stage: str


@attrs.frozen
class Block:
    """The stage cannot run, since `because` failed."""

    stage: str
    because: str


@attrs.frozen
class Drop:
    """The run ends before the stage could start."""

    stage: str


type Instruction = Decide | Launch | Block | Drop


class _State(enum.Enum):
    WAITING = enum.auto()
    READY = enum.auto()
    DECIDING = enum.auto()
    QUEUED = enum.auto()
    RUNNING = enum.auto()
    WRITTEN = enum.auto()
    DONE = enum.auto()


class Schedule:
    """Orders the stages of one run.

    `upstreams` maps each stage to those it waits for; `seconds` holds what is known of how long stages take: of those
    that could start, the one on the longest path goes first. Each event costs O(log n), and its instructions are to be
    followed in order. Raises ValueError for a cycle or an upstream that is not a stage.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Collection[str]],
        jobs: int,
        *,
        seconds: Mapping[str, float] | None = None,
        keep_going: bool = False,
    ) -> None:
        self.ahead = 0  # how many more than `jobs` may be launched
        self._free = jobs
        self._keep_going = keep_going
        self._stopped = False
        self._waits_for = {stage: len(set(needed)) for stage, needed in upstreams.items()}
        self._downstreams: dict[str, list[str]] = {stage: [] for stage in upstreams}
        for stage, needed in upstreams.items():
            for upstream in dict.fromkeys(needed):
                if upstream not in self._downstreams:
                    raise ValueError(f"{stage} waits for {upstream}, which is not part of the run")
                self._downstreams[upstream].append(stage)
        self._state = dict.fromkeys(upstreams, _State.WAITING)
        self._rank = self._ranks(seconds or {})
        self._ready: list[tuple[float, int, str]] = []
        self._queue: list[tuple[float, int, str]] = []
        self._position = {stage: at for at, stage in enumerate(upstreams)}
        self._open = len(upstreams)
        self._deciding = False

    @property
    def stopped(self) -> bool:
        """Whether nothing is started any more."""
        return self._stopped

    @property
    def done(self) -> bool:
        """Whether every stage has its outcome."""
        return self._open == 0

    def begin(self) -> list[Instruction]:
        for stage, count in self._waits_for.items():
            if count == 0:
                self._make_ready(stage)
        return self._go_on([])

    def up_to_date(self, stage: str) -> list[Instruction]:
        """The stage need not run, or its outs were restored."""
        self._move(stage, _State.DECIDING, _State.DONE)
        self._deciding = False
        self._release(stage)
        return self._go_on([])

    def must_run(self, stage: str) -> list[Instruction]:
        self._deciding = False
        if self._stopped:
            self._move(stage, _State.DECIDING, _State.DONE)
            return [Drop(stage)]
        self._move(stage, _State.DECIDING, _State.QUEUED)
        heapq.heappush(self._queue, self._entry(stage))
        return self._go_on([])

    def written(self, stage: str) -> list[Instruction]:
        """A stage that was launched only has to be recorded. Another starts now if it comes before all that wait for
        this one."""
        following = [self._entry(downstream) for downstream in self._downstreams.get(stage, ())]
        if not self._queue or any(entry < self._queue[0] for entry in following):
            return []
        self._move(stage, _State.RUNNING, _State.WRITTEN)
        self._free += 1
        return self._go_on([])

    def finished(self, stage: str, *, ok: bool) -> list[Instruction]:
        """A stage that was launched, or that could not be decided (then never `ok`), has ended."""
        if self._state[stage] is _State.DECIDING and not ok:
            self._move(stage, _State.DECIDING, _State.DONE)
            self._deciding = False
        elif self._state[stage] is _State.WRITTEN:
            self._move(stage, _State.WRITTEN, _State.DONE)
        else:
            self._move(stage, _State.RUNNING, _State.DONE)
            self._free += 1
        if ok:
            self._release(stage)
            return self._go_on([])
        self._stopped = self._stopped or not self._keep_going
        return self._go_on(self._block_downstreams(stage))

    def interrupt(self) -> list[Instruction]:
        """Start nothing any more."""
        self._stopped = True
        return self._go_on([])

    def _go_on(self, instructions: list[Instruction]) -> list[Instruction]:
        if self._stopped:
            return instructions + self._drop_all()
        while self._free + self.ahead > 0 and self._queue and not (self._ready and self._ready[0] < self._queue[0]):
            stage = heapq.heappop(self._queue)[2]
            self._move(stage, _State.QUEUED, _State.RUNNING)
            self._free -= 1
            instructions.append(Launch(stage))
        if self._ready and not self._deciding:
            stage = heapq.heappop(self._ready)[2]
            self._move(stage, _State.READY, _State.DECIDING)
            self._deciding = True
            instructions.append(Decide(stage))
        return instructions

    def _drop_all(self) -> list[Instruction]:
        """Drop what has not started, once."""
        if not self._downstreams:
            return []
        self._ready.clear()
        self._queue.clear()
        idle = (_State.WAITING, _State.READY, _State.QUEUED)
        dropped = [stage for stage, state in self._state.items() if state in idle]
        for stage in dropped:
            self._close(stage)
        self._downstreams = {}
        return [Drop(stage) for stage in dropped]

    def _block_downstreams(self, failed: str) -> list[Instruction]:
        blocked: list[Instruction] = []
        waiting = deque(self._downstreams.get(failed, ()))
        while waiting:
            stage = waiting.popleft()
            if self._state[stage] is _State.WAITING:
                self._close(stage)
                blocked.append(Block(stage, failed))
                waiting.extend(self._downstreams[stage])
        return blocked

    def _release(self, stage: str) -> None:
        for downstream in self._downstreams.get(stage, ()):
            self._waits_for[downstream] -= 1
            if self._waits_for[downstream] == 0 and self._state[downstream] is _State.WAITING:
                self._make_ready(downstream)

    def _make_ready(self, stage: str) -> None:
        self._state[stage] = _State.READY
        heapq.heappush(self._ready, self._entry(stage))

    def _entry(self, stage: str) -> tuple[float, int, str]:
        return -self._rank[stage], self._position[stage], stage

    def _move(self, stage: str, before: _State, after: _State) -> None:
        if self._state[stage] is not before:
            raise ValueError(f"{stage} is {self._state[stage].name.lower()}, not {before.name.lower()}")
        self._state[stage] = after
        if after is _State.DONE:
            self._open -= 1

    def _close(self, stage: str) -> None:
        self._state[stage] = _State.DONE
        self._open -= 1

    def _ranks(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """The length of the longest path from the start of each stage to the end of the run, in seconds."""
        order = self._topological()
        known = [seconds[stage] for stage in order if stage in seconds]
        usual = sum(known) / len(known) if known else 1.0
        ranks: dict[str, float] = {}
        for stage in reversed(order):
            after = max((ranks[downstream] for downstream in self._downstreams[stage]), default=0.0)
            ranks[stage] = after + seconds.get(stage, usual)
        return ranks

    def _topological(self) -> Sequence[str]:
        left = dict(self._waits_for)
        order = [stage for stage, count in left.items() if count == 0]
        for stage in order:
            for downstream in self._downstreams[stage]:
                left[downstream] -= 1
                if left[downstream] == 0:
                    order.append(downstream)
        if len(order) < len(left):
            raise ValueError(f"a cycle: {', '.join(sorted(stage for stage, count in left.items() if count))}")
        return order
