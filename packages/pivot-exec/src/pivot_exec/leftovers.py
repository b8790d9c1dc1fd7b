"""What a stage can leave in the process that serves it, and that only the end of that process takes away."""

from __future__ import annotations

import atexit
import resource
import sys
import threading
import weakref

from pivot_exec import system

_GROWTH = 512 << 20  # bytes that a process may grow by, beyond twice what it began with
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which the system counts the most that a process has had


class Leftovers:
    """What this process has and is when this is made: threads, children, open files, exit handlers, user, memory."""

    def __init__(self) -> None:
        weakref.finalize(self, int).detach()  # the first one ever made registers an exit handler for all
        self._threads = threading.active_count()
        self._all_threads = system.thread_count()
        self._descriptors = system.descriptors()
        self._handlers = _exit_handlers()
        self._who = system.who()
        self._most_memory = 2 * system.resident() + _GROWTH

    def found(self) -> bool:
        """Whether there is something now that was not there."""
        return (
            system.thread_count(self._all_threads) > self._all_threads
            or threading.active_count() > self._threads
            or system.has_children()
            or system.descriptors() != self._descriptors
            or _exit_handlers() != self._handlers
            or system.who() != self._who
            or self._has_grown()
        )

    def _has_grown(self) -> bool:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT  # what there is now takes longer to ask for
        return most > self._most_memory and system.resident() > self._most_memory


def _exit_handlers() -> tuple[int, int]:
    registry: dict[object, object] = weakref.finalize._registry  # type: ignore[attr-defined]  # noqa: SLF001
    return atexit._ncallbacks(), len(registry)  # noqa: SLF001


class Modules:
    """The modules that are imported when this is made."""

    def __init__(self) -> None:
        self._known = set(sys.modules)

    def new(self) -> set[str]:
        """Those that were imported since."""
        if len(sys.modules) == len(self._known):
            return set()
        return sys.modules.keys() - self._known
