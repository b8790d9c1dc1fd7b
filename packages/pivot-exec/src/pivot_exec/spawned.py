"""A worker started by exec: it loads the pipeline itself, for where a fork is not safe, or where there is none."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from pivot_core.errors import PipelineError, PivotError
from pivot_core.interfaces import Loaded
from pivot_core.load import load_here
from pivot_core.tracebacks import headline, user_traceback
from pivot_core.volatile import LoadAgain

from pivot_exec import child, system
from pivot_exec.messages import Compare, Done, Order, Setup
from pivot_exec.process import Process, hide_seed
from pivot_exec.wire import Channel

PATIENCE = 5.0  # seconds for a second load, and three times as long as the first took

type Functions = Mapping[str, Callable[..., object]]


def load(
    setup: Setup,
    executed: Callable[[str], None] = lambda _path: None,
    load_again: LoadAgain | None = None,
    close: Callable[[int], None] = os.close,
) -> tuple[Loaded, Functions]:
    """Import the pipeline in this process; `executed` is told of each project module that has run.

    `load_again` is called where there is cause to find out which values differ from load to load; `close` is given a
    descriptor whose closing takes long.
    Raises PivotError, for a SystemExit of user code too.
    """
    collect_garbage()
    try:
        loaded = load_here(setup.project, executed, compared=setup.compared, load_again=load_again, close=close)
    except PivotError:
        raise
    except BaseException as error:  # noqa: BLE001 - user code ran: whatever it raised is theirs to see
        raise PipelineError(
            f"loading {setup.project.settings.pipeline} failed: {headline(error)}",
            traceback=user_traceback(error),
        ) from None
    child.remember_files()
    return loaded


def collect_garbage() -> None:
    """Let Python collect garbage from here on; it need not look at the libraries, in the stages neither."""
    child.remember_files()
    gc.freeze()
    gc.enable()


def start(channel: socket.socket) -> Process:
    """Start a worker that reads an `Order`, and then tasks, from `channel`."""
    return Process("pivot_exec.spawned", channel.fileno())


def main(descriptor: str, seed: str) -> None:
    from pivot_exec import worker

    hide_seed(seed)
    if sys.platform != "win32":
        from pivot_exec import preload

        preload.import_state()
    channel = Channel(socket.socket(fileno=int(descriptor)))
    system.fall_silent()  # the first load has printed what this one prints
    child.renew_streams()
    order = channel.receive()
    if isinstance(order, Compare):
        _compare(channel, order)
    assert isinstance(order, Order)
    system.die_with_parent(order.parent)
    system.adopt_orphans()
    os.chdir(order.project.root)
    try:
        loaded, functions = load(Setup(order.project, compared=order.compared))
    except PivotError as error:
        channel.receive()
        channel.send(Done(str(error).split("\n")[0], stays=False))
        os._exit(1)
    # What runs is what was fingerprinted: a stage that has other code here is none of this worker's.
    proven = {name: functions[name] for name, code in loaded.code.items() if order.digests.get(name) == code.digest}
    child.become()
    worker.serve(channel, order.project, proven, many=True)


def _compare(channel: Channel, order: Compare) -> NoReturn:
    """Load to tell what differs from another load, and end."""
    from pivot_core.load import load_to_compare

    try:
        os.chdir(order.project.root)
        child.reseed()
        gc.enable()
        channel.send(load_to_compare(order.project, order.compared))
    finally:
        os._exit(0)
