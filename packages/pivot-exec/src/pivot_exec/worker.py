"""A process that runs stages, one after another, each as if it were the first.

It stays only while it can be told that nothing is left of a stage. Else it ends, as after any stage where each has a
process of its own: threads are joined, exit handlers run, files are completed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from pivot_core.errors import SEE_THERE
from pivot_core.project import Project

from pivot_exec import child, system
from pivot_exec.messages import Done, Work
from pivot_exec.wire import Channel

if TYPE_CHECKING and sys.platform != "win32":
    from pivot_exec.state import State
    from pivot_exec.watch import Watch
else:
    State = Any
    Watch = Any

type Functions = Mapping[str, Callable[..., object]]

_own_pid = os.getpid  # as it is before a stage replaces it


def serve(
    channel: Channel,
    project: Project,
    functions: Functions,
    *,
    many: bool,
    watch: Watch | None = None,
    late: Callable[[], tuple[str, ...]] = tuple,
) -> NoReturn:
    """Do each work that arrives, or if not `many` the first only, and answer `Done`. Ends when nobody asks any more.

    This process is to be one for stages already, see `child.become`; if not `many`, with streams that are its own.
    `watch` is that of this process, made before it was forked. `late` tells what else the answer is to say.
    """
    me, code = _own_pid(), 1
    try:
        state = _state(functions, watch) if many else None
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


def _state(functions: Functions, watch: Watch | None) -> State | None:
    if sys.platform != "win32" and system.can_look():
        from pivot_exec import state

        return state.State(watch or state.watch(functions.values()))
    return None


def _run(project: Project, work: Work, functions: Functions, state: State | None, *, many: bool) -> str:
    function = functions.get(work.stage)
    if function is None:
        return "the code changed while the pipeline ran; run again"
    try:
        child.begin(project, work, renew=many)
    except OSError as error:
        return f"it could not be started: {error}\n{SEE_THERE}"
    if state is not None:
        state.stage_begins()
    return child.call(work, function)
