"""A process that runs stages, one after another, each as if it were the first.

It stays only while it can be told that nothing is left of a stage. Else it ends, as after any stage where each has a
process of its own: threads are joined, exit handlers run, files are completed.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import NoReturn

from pivot_core.frozen import is_frozen
from pivot_core.project import Project

from pivot_exec import child, patches, resets, system
from pivot_exec.leftovers import Leftovers, Modules
from pivot_exec.messages import Done, Work
from pivot_exec.watch import Watch
from pivot_exec.wire import Channel

type Functions = Mapping[str, Callable[..., object]]

_own_pid = os.getpid  # as it is before a stage replaces it


def serve(
    channel: Channel,
    project: Project,
    functions: Functions,
    *,
    many: bool,
    late: Callable[[], tuple[str, ...]] = tuple,
) -> NoReturn:
    """Do each work that arrives, or if not `many` the first only, and answer `Done`. Ends when nobody asks any more.

    This process is to be one for stages already, see `child.become`; if not `many`, with streams that are its own.
    `late` tells what else the answer is to say.
    """
    me, code = _own_pid(), 1
    try:
        state = State(functions.values()) if many and system.can_look() else None
        stays = True
        while stays:
            work = channel.receive()
            assert isinstance(work, Work)
            error = _run(project, work, functions, state, many=many)
            stays = _own_pid() == me and state is not None and state.is_restored()
            if not stays:
                lost = child.finish()
                error = error or lost
            code = 1 if error else 0
            if _own_pid() == me:  # else the stage forked, and its child came back from it too
                channel.send(Done(error, stays, () if stays else late()))
    except EOFError:
        code = 0
    finally:
        os._exit(code)


def _run(project: Project, work: Work, functions: Functions, state: State | None, *, many: bool) -> str:
    function = functions.get(work.stage)
    if function is None:
        return "the code changed while the pipeline ran; run again"
    try:
        child.begin(project, work, renew=many)
    except OSError as error:
        return f"it could not be started: {error}"
    if state is not None:
        state.stage_begins()
    return child.call(work, function)


class State:
    """This process as it is when this is made, before its first stage."""

    def __init__(self, functions: Iterable[Callable[..., object]]) -> None:
        gc.freeze()
        self._watch = Watch(_project_modules(), [*functions, *_options()])
        self._modules = Modules()
        self._resets = resets.Resets()
        self._leftovers = Leftovers()
        self._patches = patches.watching()
        self._patches.begin()

    def stage_begins(self) -> None:
        self._resets.stage_begins()

    def is_restored(self) -> bool:
        """Bring this process back to that state; whether that was possible."""
        try:
            return self._is_restored()
        except Exception:  # noqa: BLE001 - a stage may have broken what this needs: no open file is left, say
            return False

    def _is_restored(self) -> bool:
        resets.stop_timers()
        if not child.complete_files() or self._patches.found() or self._leftovers.found() or self._watch.changed():
            return False
        new = self._modules.new()
        if any(is_frozen(sys.modules.get(name)) for name in new):
            return False
        # What an import did, the next stage would not get by importing the same again.
        if new and self._resets.changed():
            return False
        return self._resets.put_back()


def _project_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if is_frozen(module)}


def _options() -> list[object]:
    """What libraries keep of the options that were set."""
    found = (
        getattr(sys.modules.get(module), name, None)
        for module, name in (
            ("pandas._config.config", "_global_config"),
            ("matplotlib", "rcParams"),
            ("sklearn._config", "_global_config"),
            ("sklearn._config", "_threadlocal"),
            ("decimal", "DefaultContext"),
        )
    )
    return [options for options in found if options is not None]
