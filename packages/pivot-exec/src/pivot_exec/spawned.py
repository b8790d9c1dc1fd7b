"""A worker started by exec: it loads the pipeline itself, for where a fork is not safe."""

from __future__ import annotations

import os
import socket

from pivot_core.errors import PivotError

from pivot_exec import child, system
from pivot_exec.messages import Done, Order, Setup
from pivot_exec.process import Process
from pivot_exec.wire import Channel


def start(channel: socket.socket) -> int:
    """Start a worker that reads an `Order`, and then tasks, from `channel`. Returns its number, to be waited for."""
    return Process("pivot_exec.spawned", channel.fileno()).pid


def main(descriptor: str, seed: str) -> None:
    from pivot_exec import preload, template, worker
    from pivot_exec.base import hide_seed

    hide_seed(seed)
    preload.import_state()
    channel = Channel(socket.socket(fileno=int(descriptor)))
    order = channel.receive()
    assert isinstance(order, Order)
    system.die_with_parent(order.parent)
    system.adopt_orphans()
    os.chdir(order.project.root)
    try:
        loaded, functions = template.load(Setup(order.project, compared=order.compared))
    except PivotError as error:
        channel.receive()
        channel.send(Done(str(error).split("\n")[0], stays=False))
        os._exit(1)
    # What runs is what was fingerprinted: a stage that has other code here is none of this worker's.
    proven = {name: functions[name] for name, code in loaded.code.items() if order.digests.get(name) == code.digest}
    child.become()
    worker.serve(channel, order.project, proven, many=True)
