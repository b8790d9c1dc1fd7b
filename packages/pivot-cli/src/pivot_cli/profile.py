"""Where the time of a run goes: seconds by phase, for `pivot run --profile`."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from pivot_cli.session import Opened

# Whose calls count as which phase.
_PHASES: dict[str, tuple[str, ...]] = {
    "plan": ("workspace.check", "workspace.decide"),
    "wait": ("executor.next",),
    "start workers": ("executor.start",),
    "dispatch": ("workspace.prepare", "executor.submit"),
    "restore": ("workspace.restore",),
    "record": ("workspace.record", "workspace.abandon", "workspace.settle"),
    "lock files": ("session.locks.read", "session.locks.write"),
    "state.db": tuple(f"session.state.{name}" for name in ("outs_of", "save_outs", "save_duration", "save_sources")),
    "hash": ("session.hasher.states", "session.hasher.contents"),
    "store": ("session.store.put", "session.store.fetch", "session.store.save_unknown", "session.store.missing"),
}


@attrs.define
class _Phase:
    calls: int = 0
    seconds: float = 0.0


@attrs.define
class _Timing:
    """A phase that goes on; `inner` are the seconds of others that began and ended within."""

    inner: float = 0.0


class Profile:
    """Takes the time of phases. One that goes on within another does not count for that; threads add up."""

    def __init__(self) -> None:
        self._phases: dict[str, _Phase] = {}
        self._began = time.perf_counter()
        self._lock = threading.Lock()
        self._going_on = threading.local()
        if (seconds := seconds_since_start()) is not None:
            self.add("start", seconds)

    def add(self, phase: str, seconds: float, calls: int = 1) -> None:
        with self._lock:
            entry = self._phases.setdefault(phase, _Phase())
            entry.calls += calls
            entry.seconds += seconds

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        stack: list[_Timing] = self._going_on.__dict__.setdefault("stack", [])
        timing, began = _Timing(), time.perf_counter()
        stack.append(timing)
        try:
            yield
        finally:
            stack.pop()
            seconds = time.perf_counter() - began
            self.add(phase, seconds - timing.inner)
            if stack:
                stack[-1].inner += seconds

    def loaded(self, here: Opened) -> None:
        """The pipeline is loaded, which took the time until now. From now on take that of what a run calls."""
        self.add("load", time.perf_counter() - self._began)
        for phase, paths in _PHASES.items():
            for path in paths:
                *owners, name = path.split(".")
                owner: Any = here
                for part in owners:
                    owner = getattr(owner, part)
                setattr(owner, name, self._watched(getattr(owner, name), phase))

    def lines(self) -> list[str]:
        """A table, the longest phases first."""
        rows = sorted(self._phases.items(), key=lambda row: -row[1].seconds)
        width = max(map(len, self._phases), default=0)
        return [
            f"{'phase':<{width}}  {'calls':>7}  {'seconds':>8}",
            *(f"{phase:<{width}}  {entry.calls:>7}  {entry.seconds:>8.3f}" for phase, entry in rows),
        ]

    def _watched(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            with self.timed(phase):
                return function(*arguments, **named)

        return watched


def seconds_since_start() -> float | None:
    """How long ago the system started this process; None where it does not say. Good to a hundredth of a second."""
    if sys.platform != "linux":
        return None
    try:
        ticks = int(
            Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
        )
    except (OSError, ValueError, IndexError):
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
