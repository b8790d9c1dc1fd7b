"""Modules that libraries import late, when they are used: once a stage has shown which, they are imported ahead."""

from __future__ import annotations

import importlib
import os
import select
import signal
import sys
from typing import NoReturn

from pivot_core.frozen import is_frozen

from pivot_exec import system

_LONGEST = 0.25  # seconds of CPU; what takes longer might not pay before the run ends


class Ahead:
    """Of the process that stages are forked from; made when that has loaded."""

    def __init__(self) -> None:
        self._known = set(sys.modules)
        self._loaded = len(sys.modules)
        self._wanted: tuple[str, ...] = ()

    def late(self) -> tuple[str, ...]:
        """In a fork: the modules, of libraries that were loaded before, that were imported since."""
        if len(sys.modules) == self._loaded:
            return ()  # looking at each would make this process copy the memory that they are in
        return tuple(
            name
            for name, module in list(sys.modules.items())
            if name not in self._known and name.partition(".")[0] in self._known and not is_frozen(module)
        )

    def want(self, names: tuple[str, ...]) -> None:
        """Import these when there is time for it; each is tried once."""
        self._wanted += tuple(name for name in names if name not in self._known)
        self._known.update(names)

    def import_wanted(self) -> tuple[str, ...]:
        """Import what is wanted, if that changes nothing else: a fork tries it first. Returns what was imported."""
        names, self._wanted = self._wanted, ()
        if not names or not _is_harmless(names):
            return ()
        _import(names)
        self._known.update(sys.modules)
        self._loaded = len(sys.modules)
        return names


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)


def _is_harmless(names: tuple[str, ...]) -> bool:
    parent = os.getpid()
    pid = system.fork()
    if pid == 0:
        _try(names, parent)
    _, status = os.waitpid(pid, 0)
    return status == 0


def _try(names: tuple[str, ...], parent: int) -> NoReturn:
    """Exit with 0 if importing leaves no thread, file, exit handler or changed variable, and prints nothing."""
    code = 1
    try:
        from pivot_exec.leftovers import Leftovers
        from pivot_exec.resets import Resets

        signal.set_wakeup_fd(-1)
        system.die_with_parent(parent)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        kept, left = Resets(), Leftovers()
        kept.stage_begins()
        signal.setitimer(signal.ITIMER_PROF, _LONGEST)
        _import(names)
        sys.stdout.flush()
        if not kept.changed() and not left.found() and not select.select([reading], [], [], 0)[0]:
            code = 0
    finally:
        os._exit(code)
