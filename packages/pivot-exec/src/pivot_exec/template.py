"""The loader, which becomes the template: it imports the project once, and workers for stages are forked from it.

Where loading left threads a fork is not safe; then workers are started by exec and load for themselves.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import NoReturn

import attrs
from pivot_core.errors import PivotError
from pivot_core.interfaces import Limits, Loaded, Started, Withdrawn
from pivot_core.model import Digest
from pivot_core.volatile import Compared, SecondLoad

from pivot_exec import child, preload, system, twin
from pivot_exec.messages import Cancel, Ended, ImportedAhead, Retry, Run, Setup
from pivot_exec.pool import Pool, Running, Worker
from pivot_exec.spawned import PATIENCE, Functions, load
from pivot_exec.wire import Channel

GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a stage that took too long
_TRACKER_TIME = 3.0  # seconds for a resource tracker to free what it knows of, after a stage


def main(channel: Channel, setup: Setup, answer: int, *, may_retry: bool) -> NoReturn:
    """Load, say what was found, then run stages until the main process is gone. Never returns."""
    base, known, began = os.getppid(), set(sys.modules), time.monotonic()

    def load_again() -> SecondLoad | None:
        # Libraries that were used before a fork may hang in it.
        return None if system.thread_count() > 1 else twin.ask(answer, PATIENCE + 3 * (time.monotonic() - began))

    def close(descriptor: int) -> None:
        twin.close_elsewhere(answer, descriptor)

    culprits = Culprits()
    try:
        loaded, functions = load(setup, culprits.note, load_again, close)
    except PivotError as error:
        channel.send(error)
        os._exit(0)
    threads = system.thread_count() if not setup.debug else 1
    if threads > 1 and may_retry:
        os.write(answer, pickle.dumps(Retry(_libraries_met(known), dict(os.environ))))
        os._exit(0)
    if threads > 1:
        loaded = attrs.evolve(loaded, notices=(*loaded.notices, _threads_notice(threads, setup, culprits)))
    if absent := preload.absent(setup.project):
        notice = f"the setting `preload` names {', '.join(absent)}: no such module is installed"
        loaded = attrs.evolve(loaded, notices=(*loaded.notices, notice))
    _tell(channel, loaded)
    if setup.debug:
        from pivot_exec import inline

        inline.serve(channel, setup.project, functions)
    digests = None if threads == 1 else {name: code.digest for name, code in loaded.code.items()}
    compared = loaded.compared
    del loaded  # what it takes in memory would cost each fork
    Template(channel, setup, functions, digests, compared, base=answer).serve(base)


class Culprits:
    """The project modules during whose import threads came to be that were there when it ended."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._threads = system.threads()

    def note(self, path: str) -> None:
        """The code of a module has run; what it imported was noted before."""
        threads = system.threads()
        if threads > self._threads:
            self.paths.append(path)
        self._threads = threads


class Template:
    """One poll loop in the main thread. Ends with all of its stages on EOF from the main process or the base, or on
    SIGTERM. `digests` and `compared` are for a `Pool`; `base` is the end of the socket pair with the base, which says
    nothing.
    """

    def __init__(
        self,
        channel: Channel,
        setup: Setup,
        functions: Functions,
        digests: Mapping[str, Digest] | None,
        compared: Compared,
        *,
        base: int,
    ) -> None:
        self._base = base
        self._channel = channel
        self._wake, waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(waker, False)
        self._terminated = False
        self._jobs = 1
        self._queue: deque[Run] = deque()
        self._started_by_loading: list[int] = []
        self._poll = select.poll()
        self._pool = Pool(
            setup.project,
            functions,
            digests,
            compared,
            (base, self._wake, waker, channel.fileno()),
            self._poll,
        )
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def serve(self, parent: int) -> NoReturn:
        system.adopt_orphans()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        system.die_with_parent(parent, signal.SIGTERM)
        self._started_by_loading = system.children()
        gc.collect()
        system.trim_memory()
        gc.freeze()
        self._poll.register(self._channel.fileno(), select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(self._base, select.POLLIN)
        try:
            while not self._terminated:
                self._go_round()
        except (EOFError, OSError):
            pass
        for pid in self._pool.workers:
            os.kill(pid, signal.SIGKILL)
        for pid in self._pool.workers:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            self._end_leftovers(pid)
            system.kill_group(pid, signal.SIGKILL)
        trackers = [pid for pid in system.children() if system.is_tracker(pid)]
        child.let_go_of_shared()
        system.end_children(keep=trackers)
        for pid in trackers:
            system.let_end(pid, _TRACKER_TIME)
        os._exit(0)

    def _go_round(self) -> None:
        spare = self._pool.wants_spare()
        ready = {descriptor for descriptor, _ in self._poll.poll(0 if spare else self._until_next_deadline())}
        if not ready and spare:
            imported = self._pool.add_spare()
            if imported:
                self._channel.send(ImportedAhead(imported))
            return
        if self._base in ready:
            raise EOFError
        if self._wake in ready:
            os.read(self._wake, 4096)
        for worker in self._pool.answering(ready):
            self._report(worker)
        if self._wake in ready:
            self._reap()
        self._meet_deadlines()
        if self._channel.fileno() in ready:
            for message in self._channel.receive_ready():
                self._obey(message)

    def _terminate(self, *_: object) -> None:
        self._terminated = True

    def _obey(self, message: object) -> None:
        if isinstance(message, Run):
            self._queue.append(message)
            self._channel.send(*self._start_waiting())
        elif isinstance(message, Limits):
            self._jobs = message.jobs
        elif isinstance(message, Cancel):
            self._withdraw(message.task)
            for worker in self._pool.running():
                if worker.running is not None and worker.running.task == message.task:
                    _end(worker, worker.running, message.grace, "cancelled")

    def _start_waiting(self) -> list[Started | Ended | Withdrawn]:
        """Start what waits, as far as it may run now. Where the system allows no further process, it waits for one that
        ends; if there is none it has failed, and what waits with it is given back.
        """
        told: list[Started | Ended | Withdrawn] = []
        while self._queue and (running := sum(1 for _ in self._pool.running())) < self._jobs:
            run = self._queue.popleft()
            try:
                told.append(Started(run.task, self._pool.run(run).pid))
            except OSError as error:
                if running:
                    self._queue.appendleft(run)
                else:
                    told.append(Ended(run.task, 0.0, f"it could not be started: {error.strerror}\n{system.NO_PROCESS}"))
                    told += self._give_back()
                break
        return told

    def _give_back(self) -> list[Withdrawn]:
        """Start none of those that wait."""
        withdrawn = [Withdrawn(run.task) for run in self._queue]
        self._queue.clear()
        return withdrawn

    def _withdraw(self, task: str) -> None:
        for run in [run for run in self._queue if run.task == task]:
            self._queue.remove(run)
            self._channel.send(Withdrawn(run.task))

    def _tell_end(self, ended: Ended) -> None:
        """Say that a stage has ended, which does not run any more, and go on with those that wait: unless it failed."""
        self._channel.send(ended, *(self._give_back() if ended.error else self._start_waiting()))

    def _report(self, worker: Worker) -> None:
        """The stage of a worker has ended, and the worker is ready for another."""
        running, answer = worker.running, worker.answer
        if running is not None and answer is not None:
            self._pool.release(worker)
            seconds = time.monotonic() - running.began
            self._tell_end(Ended(running.task, seconds, running.ended_because or answer.error))

    def _reap(self) -> None:
        """Conclude the stages whose processes ended; wait for adopted orphans that did."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            worker = self._pool.workers.get(ended.si_pid)
            if worker is None:
                os.waitpid(ended.si_pid, 0)
            else:
                self._conclude(worker)

    def _conclude(self, worker: Worker) -> None:
        """The process is not waited for until its group is gone: so its number cannot become another process's."""
        running, now = worker.running, time.monotonic()
        left = self._end_leftovers(worker.pid)
        system.kill_group(worker.pid, signal.SIGKILL)
        _, status = os.waitpid(worker.pid, 0)
        answer = self._pool.forget(worker)
        if not any(self._pool.running()):
            system.end_children(keep=(*self._pool.workers, *self._started_by_loading))
        if running is not None:
            code = os.waitstatus_to_exitcode(status)
            error = running.ended_because or (system.silent_end(code) if answer is None else answer.error)
            self._tell_end(Ended(running.task, now - running.began, error, system.what_was_left(left)))

    def _end_leftovers(self, session: int) -> int:
        """Kill what an ended stage left in its session; returns how many processes that were.

        Those that free what the others shared end by themselves when these are gone.
        """
        count, ended = 0, set[int]()
        while left := set(system.left_in(session)) - ended:
            helpers = {pid for pid in left if system.is_helper(pid)}
            trackers = {pid for pid in helpers if system.is_tracker(pid)}
            count += len(left - helpers)
            for pid in left - trackers:
                system.end_process(pid)
            for pid in trackers:
                system.let_end(pid, _TRACKER_TIME)
            ended |= left  # who does not become a child of this process is not waited for
        return count

    def _until_next_deadline(self) -> float | None:
        times = [
            at
            for worker in self._pool.running()
            if worker.running is not None
            for at in (worker.running.end_at, worker.running.kill_at)
            if at is not None
        ]
        return max(0.0, min(times) - time.monotonic()) * 1000 + 1 if times else None

    def _meet_deadlines(self) -> None:
        now = time.monotonic()
        for worker in self._pool.running():
            running = worker.running
            if running is None:
                continue
            if running.kill_at is not None and running.kill_at <= now:
                running.kill_at = None
                system.kill_group(worker.pid, signal.SIGKILL)
            if running.end_at is not None and running.end_at <= now:
                _end(worker, running, GRACE, f"timed out after {running.timeout:g} s")


def _end(worker: Worker, running: Running, grace: float, why: str) -> None:
    running.ended_because = running.ended_because or why
    running.end_at = None
    kill_at = time.monotonic() + grace
    running.kill_at = kill_at if running.kill_at is None else min(kill_at, running.kill_at)
    how = signal.SIGTERM if grace > 0 else signal.SIGKILL
    try:
        os.kill(worker.pid, how)  # until the process has called setsid it has no group of its own
    except ProcessLookupError:
        return
    system.kill_group(worker.pid, how)


def _tell(channel: Channel, loaded: Loaded) -> None:
    try:
        channel.send(loaded)
    except OSError:
        os._exit(0)


def _libraries_met(known: set[str]) -> tuple[str, ...]:
    """The modules that loading imported and that are no part of the project."""
    from pivot_core.frozen import is_frozen

    met = [(name, module) for name, module in list(sys.modules.items()) if name not in known]
    return tuple(
        name for name, module in met if getattr(module, "__spec__", None) is not None and not is_frozen(module)
    )


def _threads_notice(threads: int, setup: Setup, culprits: Culprits) -> str:
    files = [setup.project.shown(path) for path in culprits.paths] or ["the pipeline"]
    return (
        f"loading {', '.join(files)} left {threads - 1} thread{'s' if threads > 2 else ''} running, "
        "so stages run in processes that load it anew, each for many stages as with isolation = worker; "
        "start threads and use libraries inside of stages to run faster"
    )
