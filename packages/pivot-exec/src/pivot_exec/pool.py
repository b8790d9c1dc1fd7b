"""The workers of a template: those that run a stage, and those that wait for one."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import attrs
from pivot_core.model import Digest
from pivot_core.project import Project
from pivot_core.volatile import Compared

from pivot_exec import child, spawned, system, worker
from pivot_exec.ahead import Ahead
from pivot_exec.messages import Done, Order, Run
from pivot_exec.wire import Channel


@attrs.define
class Running:
    """A stage that runs, and what will happen to it when. Times are those of the monotonic clock."""

    task: str
    began: float
    timeout: float | None = None
    end_at: float | None = None
    kill_at: float | None = None
    ended_because: str = ""


@attrs.define(eq=False)
class Worker:
    """A process for stages: what it runs, and what it said of its end."""

    pid: int
    channel: Channel
    running: Running | None = None
    answer: Done | None = None


class Pool:
    """Workers that are forked from this process, or where that is not safe spawned.

    With isolation by stage each serves one stage, and spares are forked ahead of time, once there is none left;
    before that, modules are imported that libraries imported late in an earlier stage.
    Otherwise each serves many. `digests` are those that spawned workers must find, with what `compared` says; None
    means that this process may fork. `ours` are descriptors that no fork is to keep; `poll` is told whose answers are
    waited for.
    """

    def __init__(
        self,
        project: Project,
        functions: Mapping[str, Callable[..., object]],
        digests: Mapping[str, Digest] | None,
        compared: Compared,
        ours: tuple[int, ...],
        poll: select.poll,
    ) -> None:
        self._project = project
        self._functions = functions
        self._digests = digests
        self._compared = compared
        self._ours = ours
        self._poll = poll
        self._many = digests is not None or project.settings.isolation == "worker"
        may_import = not self._many and project.settings.preload != "none"
        self._ahead = Ahead() if may_import else None
        self._watch = None
        if self._many and digests is None and system.can_look():
            from pivot_exec import patches, state

            # Once, for all that will be forked.
            patches.watching()
            self._watch = state.watch(functions.values())
        if not self._many:
            child.renew_streams()
        self._waiting: list[Worker] = []
        self._handled: tuple[int, ...] | None = None
        self._at_once = 0
        self._fills = False
        self.workers: dict[int, Worker] = {}
        self._by_descriptor: dict[int, Worker] = {}

    def run(self, run: Run) -> Worker:
        """Give the work to a worker that waits, or to a new one. Raises OSError where the system allows none."""
        began = time.monotonic()
        while True:
            chosen = self._waiting.pop() if self._waiting else self._start()
            try:
                chosen.channel.forward(run.work)
            except OSError:
                continue  # somebody killed it while it waited
            break
        end_at = None if run.timeout is None else began + run.timeout
        chosen.running = Running(run.task, began, run.timeout, end_at)
        self._at_once = max(self._at_once, len(self.workers) - len(self._waiting))
        return chosen

    def running(self) -> Iterator[Worker]:
        return (item for item in self.workers.values() if item.running is not None)

    def wants_spare(self) -> bool:
        """Whether to fork now. Several in a row cost less: after each, memory is copied when it is used."""
        if not self._waiting:
            self._fills = not self._many and self._at_once > 0
        elif len(self._waiting) >= self._at_once:
            self._fills = False
        return self._fills

    def add_spare(self) -> tuple[str, ...]:
        """Fork one, unless the system allows none; returns the modules that were imported before."""
        imported: tuple[str, ...] = ()
        try:
            imported = self._ahead.import_wanted() if self._ahead is not None else ()
            if imported:
                gc.freeze()
            self._waiting.append(self._start())
        except OSError:
            self._at_once = 0  # not before another stage has started
        return imported

    def answering(self, ready: set[int]) -> list[Worker]:
        """The workers, of those whose descriptors are ready, that have said that they are ready for another stage."""
        found = []
        for item in [self._by_descriptor[descriptor] for descriptor in ready if descriptor in self._by_descriptor]:
            if not self._listen(item):
                self._poll.unregister(item.channel.fileno())
                del self._by_descriptor[item.channel.fileno()]
            elif item.answer is not None and item.answer.stays:
                found.append(item)
        return found

    def release(self, item: Worker) -> None:
        """The worker waits for another stage."""
        item.running = item.answer = None
        self._waiting.append(item)

    def forget(self, item: Worker) -> Done | None:
        """The worker is gone. Returns what it has said of its end."""
        if item.answer is None:
            self._listen(item)
        if self._by_descriptor.pop(item.channel.fileno(), None) is not None:
            self._poll.unregister(item.channel.fileno())
        item.channel.close()
        del self.workers[item.pid]
        if item in self._waiting:
            self._waiting.remove(item)
        if self._ahead is not None and item.answer is not None:
            self._ahead.want(item.answer.late)
        return item.answer

    def _listen(self, item: Worker) -> bool:
        """Read what a worker says. False if it will say nothing any more."""
        try:
            for message in item.channel.receive_ready():
                assert isinstance(message, Done)
                item.answer = message
        except Exception:  # noqa: BLE001 - it is gone, or a stage has broken what its process sends
            return False
        return True

    def _start(self) -> Worker:
        ours, theirs = socket.socketpair()
        channel = Channel(ours)
        with theirs:
            if self._digests is None:
                pid = self._fork(ours, theirs)
            else:
                pid = spawned.start(theirs).pid
                channel.send(Order(self._project, self._digests, os.getpid(), self._compared))
        started = self.workers[pid] = Worker(pid, channel)
        if self._many:
            self._by_descriptor[ours.fileno()] = started
            self._poll.register(ours.fileno(), select.POLLIN)
        return started

    def _fork(self, ours: socket.socket, theirs: socket.socket) -> int:
        template = os.getpid()
        # A signal for the template must not be taken by the child before its handlers are its own.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
        if self._handled is None:
            self._handled = child.handled_signals()
        try:
            pid = os.fork()
            if pid == 0:
                self._become_worker(template, ours, theirs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
        return pid

    def _become_worker(self, template: int, ours: socket.socket, theirs: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            system.die_with_parent(template)
            if self._many:
                system.adopt_orphans()
            others = (item.channel.fileno() for item in self.workers.values())
            child.become((*self._ours, ours.fileno(), *others), self._handled)
            late = tuple if self._ahead is None else self._ahead.late
            worker.serve(Channel(theirs), self._project, self._functions, many=self._many, watch=self._watch, late=late)
        finally:
            os._exit(1)
