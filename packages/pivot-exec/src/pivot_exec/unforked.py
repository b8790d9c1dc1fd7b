"""The loader where processes cannot be forked: it loads the project, and starts a process for each stage, which loads
it too.

While stages run, the process of the next one is started already, since loading takes its time.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import NoReturn, cast

import attrs
from pivot_core.errors import PivotError
from pivot_core.interfaces import Loaded, Started
from pivot_core.volatile import SecondLoad, differing

from pivot_exec import child, spawned, system, windows
from pivot_exec.messages import Cancel, Compare, Done, Ended, Order, Run, Setup
from pivot_exec.process import hide_seed
from pivot_exec.wire import Channel

assert sys.platform == "win32"

_EXIT = 5.0  # seconds for a process to end after the last that it said


def main(descriptor: str, seed: str) -> None:
    """As the base's; no libraries are imported ahead."""
    hide_seed(seed)
    channel = Channel(socket.socket(fileno=int(descriptor)))
    try:
        channel.receive()
        setup = cast("Setup", channel.receive())
    except EOFError:
        os._exit(0)
    os.chdir(setup.project.root)
    if setup.debug:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    else:
        os.dup2(2, 1)
        child.renew_streams()  # those of a console cannot write to a file
    began = time.monotonic()

    def load_again() -> SecondLoad:
        return _load_again(setup, spawned.PATIENCE + 3 * (time.monotonic() - began))

    try:
        loaded, functions = spawned.load(setup, load_again=load_again)
        channel.send(loaded)
    except PivotError as error:
        channel.send(error)
        os._exit(0)
    except OSError:
        os._exit(0)  # nobody wants to know
    if setup.debug:
        from pivot_exec import inline

        inline.serve(channel, setup.project, functions)
    _Loader(channel, setup, loaded).serve()


def _load_again(setup: Setup, seconds: float) -> SecondLoad:
    """What differs between two more loads, at the same time. Nothing tells what a load depended on, but what was edited
    meanwhile is the same for these two. One that fails, or has not finished after `seconds`, says nothing."""
    loads = [_Loading(setup, seconds) for _ in range(2)]
    one, other = (loading.result() for loading in loads)
    return SecondLoad(differing(one, other))


class _Loading:
    """A process that loads to tell what was computed."""

    def __init__(self, setup: Setup, seconds: float) -> None:
        self._process, self._channel = _start(seconds)
        self._channel.send(Compare(setup.project, setup.compared))

    def result(self) -> SecondLoad:
        """What it says, if anything."""
        try:
            said = self._channel.receive()
        except (OSError, EOFError):
            said = None
        self._process.end()
        self._channel.close()
        return said if isinstance(said, SecondLoad) else SecondLoad()


@attrs.define(eq=False)
class _Worker:
    """A process for one stage: its task, when that began and has to end, and what it said of its end."""

    process: windows.Process
    channel: Channel
    task: str = ""
    timeout: float | None = None
    began: float = 0.0
    end_at: float | None = None
    ended_because: str = ""
    answer: Done | None = None


class _Loader:
    """Runs stages, each in a process of its own, until the main process is gone."""

    def __init__(self, channel: Channel, setup: Setup, loaded: Loaded) -> None:
        self._channel = channel
        digests = {name: code.digest for name, code in loaded.code.items()}
        self._order = Order(setup.project, digests, os.getpid(), loaded.compared)
        self._workers: set[_Worker] = set()
        self._has_run = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)

    def serve(self) -> NoReturn:
        try:
            while True:
                self._go_round()
        except (EOFError, OSError):
            pass
        for worker in self._workers:
            worker.process.end()
        os._exit(0)

    def _go_round(self) -> None:
        for key, _ in self._selector.select(self._until_next_deadline()):
            if key.data is None:
                for message in self._channel.receive_ready():
                    self._obey(message)
            else:
                self._listen(key.data)
        now = time.monotonic()
        for worker in self._running():
            if worker.end_at is not None and worker.end_at <= now:
                self._end(worker, f"timed out after {worker.timeout:g} s")

    def _obey(self, message: object) -> None:
        if isinstance(message, Run):
            self._run(message)
        elif isinstance(message, Cancel):
            for worker in self._running():
                if worker.task == message.task:
                    self._end(worker, "cancelled")  # nothing here asks a process to end: there is no grace

    def _run(self, run: Run) -> None:
        worker = next((worker for worker in self._workers if not worker.task), None) or self._start()
        worker.task, worker.timeout, worker.began = run.task, run.timeout, time.monotonic()
        worker.end_at = None if run.timeout is None else worker.began + run.timeout
        try:
            worker.channel.forward(run.work)
        except OSError:
            pass  # somebody has killed it: listening to it says so
        self._channel.send(Started(run.task, worker.process.pid))
        if self._has_run and all(worker.task for worker in self._workers):
            self._start()
        self._has_run = True

    def _start(self) -> _Worker:
        worker = _Worker(*_start())
        worker.channel.send(self._order)
        self._workers.add(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _listen(self, worker: _Worker) -> None:
        try:
            for message in worker.channel.receive_ready():
                worker.answer = cast("Done", message)
        except Exception:  # noqa: BLE001 - it is gone, or a stage has broken what its process sends
            self._conclude(worker)

    def _conclude(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._selector.unregister(worker.channel)
        worker.channel.close()
        try:
            code = worker.process.wait(_EXIT)
        except TimeoutError:
            code = 1
        left = worker.process.left()
        worker.process.end()
        if worker.task:
            error = worker.ended_because or (system.silent_end(code) if worker.answer is None else worker.answer.error)
            seconds = time.monotonic() - worker.began
            self._channel.send(Ended(worker.task, seconds, error, system.what_was_left(left)))

    def _end(self, worker: _Worker, why: str) -> None:
        worker.ended_because = worker.ended_because or why
        worker.end_at = None
        worker.process.end()

    def _running(self) -> Iterator[_Worker]:
        return (worker for worker in self._workers if worker.task)

    def _until_next_deadline(self) -> float | None:
        times = [worker.end_at for worker in self._running() if worker.end_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None


def _start(seconds: float | None = None) -> tuple[windows.Process, Channel]:
    """A process that waits for an order, and the channel to it; with `seconds` no answer is waited for longer."""
    ours, theirs = socket.socketpair()
    ours.settimeout(seconds)
    with theirs:
        return spawned.start(theirs), Channel(ours)
