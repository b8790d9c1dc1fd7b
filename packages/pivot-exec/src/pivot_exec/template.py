"""The loader, which becomes the template: it imports the project once, and every stage is forked from it.

Where loading left threads a fork is not safe; then each stage is a process started by exec that loads for itself.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import attrs
from pivot_core.errors import PipelineError, PivotError
from pivot_core.interfaces import Loaded, Started, Task
from pivot_core.tracebacks import headline, user_traceback

from pivot_exec import child, spawned, system
from pivot_exec.messages import Cancel, Ended, Retry, Run, Setup
from pivot_exec.wire import Channel

type Functions = Mapping[str, Callable[..., object]]

GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a stage that took too long


@attrs.define
class Running:
    """A stage that runs, and what will happen to it when. Times are those of the monotonic clock."""

    task: Task
    pid: int
    began: float
    status: int  # descriptor from which what the stage says of its end can be read
    end_at: float | None = None
    kill_at: float | None = None
    ended_because: str = ""


def main(channel: Channel, setup: Setup, answer: int, *, may_retry: bool) -> NoReturn:
    """Load, say what was found, then run stages until the main process is gone. Never returns."""
    base, known = os.getppid(), set(sys.modules)
    try:
        loaded, functions = load(setup)
    except PivotError as error:
        channel.send(error)
        os._exit(0)
    threads = system.thread_count() if not setup.debug else 1
    if threads > 1 and may_retry:
        os.write(answer, pickle.dumps(Retry(_libraries_met(known), dict(os.environ))))
        os._exit(0)
    if threads > 1:
        loaded = attrs.evolve(loaded, notices=(*loaded.notices, _threads_notice(threads, loaded)))
    _tell(channel, loaded)
    if setup.debug:
        from pivot_exec import inline

        inline.serve(channel, setup.project, functions)
    Template(channel, setup, loaded, functions, may_fork=threads == 1, ours=(answer,)).serve(base)


def load(setup: Setup) -> tuple[Loaded, Functions]:
    """Import the pipeline in this process. Raises PivotError, for a SystemExit of user code too."""
    from pivot_core.load import load_here

    try:
        return load_here(setup.project)
    except PivotError:
        raise
    except BaseException as error:  # noqa: BLE001 - user code ran: whatever it raised is theirs to see
        raise PipelineError(
            f"loading {setup.project.settings.pipeline} failed: {headline(error)}",
            traceback=user_traceback(error),
        ) from None


class Template:
    """One poll loop in the main thread. Ends with all of its stages on EOF from the main process, or on SIGTERM."""

    def __init__(
        self,
        channel: Channel,
        setup: Setup,
        loaded: Loaded,
        functions: Functions,
        *,
        may_fork: bool,
        ours: tuple[int, ...],
    ) -> None:
        self._channel = channel
        self._setup = setup
        self._loaded = loaded
        self._functions = functions
        self._may_fork = may_fork
        self._ours = ours
        self._running: dict[int, Running] = {}
        self._terminated = False

    def serve(self, base: int) -> NoReturn:
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        self._ours += (wake, waker, self._channel.fileno())
        system.adopt_orphans()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        system.die_with_parent(base, signal.SIGTERM)
        gc.collect()
        gc.freeze()
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        poll.register(wake, select.POLLIN)
        try:
            while not self._terminated:
                ready = {descriptor for descriptor, _ in poll.poll(self._until_next_deadline())}
                if wake in ready:
                    os.read(wake, 4096)
                self._reap()
                self._meet_deadlines()
                if self._channel.fileno() in ready:
                    for message in self._channel.receive_ready():
                        self._obey(message)
        except (EOFError, OSError):
            pass
        for pid in self._running:
            system.kill_group(pid, signal.SIGKILL)
        system.end_children()
        os._exit(0)

    def _terminate(self, *_: object) -> None:
        self._terminated = True

    def _obey(self, message: object) -> None:
        if isinstance(message, Run):
            self._launch(message.task)
        elif isinstance(message, Cancel):
            for running in self._running.values():
                if running.task.id == message.task:
                    self._end(running, message.grace, "cancelled")

    def _launch(self, task: Task) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        began = time.monotonic()
        if self._may_fork:
            pid = self._fork(task, reader, writer)
        else:
            pid = spawned.start(self._setup.project, task, self._loaded.code[task.stage].digest, writer)
        os.close(writer)
        end_at = None if task.timeout is None else began + task.timeout
        self._running[pid] = Running(task, pid, began, reader, end_at)
        self._channel.send(Started(task.id, pid))

    def _fork(self, task: Task, reader: int, writer: int) -> int:
        template = os.getpid()
        # A signal for the template must not be taken by the child before its handlers are its own.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
        pid = system.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            system.die_with_parent(template)
            close = (*self._ours, reader, *(other.status for other in self._running.values()))
            child.main(self._setup.project, task, self._functions[task.stage], writer, close)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
        return pid

    def _reap(self) -> None:
        """Conclude the stages that ended; wait for adopted orphans that did."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            running = self._running.pop(ended.si_pid, None)
            if running is None:
                os.waitpid(ended.si_pid, 0)
            else:
                self._conclude(running)

    def _conclude(self, running: Running) -> None:
        """The stage is not waited for until its group is gone: so its number cannot become another process's."""
        seconds = time.monotonic() - running.began
        left = self._end_leftovers(running.pid)
        system.kill_group(running.pid, signal.SIGKILL)
        _, status = os.waitpid(running.pid, 0)
        try:
            said = os.read(running.status, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            said = ""
        os.close(running.status)
        if not self._running:
            system.end_children()
        notices = (f"left {left} process{'es' if left > 1 else ''} running; ended {'them' if left > 1 else 'it'}",)
        error = running.ended_because or _error(status, said)
        self._channel.send(Ended(running.task.id, seconds, error, notices if left else ()))

    def _end_leftovers(self, session: int) -> int:
        """Kill what an ended stage left in its session: all of it has become a child of the template."""
        count = 0
        while left := [pid for pid in system.children() if pid != session and system.session_of(pid) == session]:
            count += sum(not system.is_helper(pid) for pid in left)
            for pid in left:
                system.end_process(pid)
        return count

    def _until_next_deadline(self) -> float | None:
        times = [at for running in self._running.values() for at in (running.end_at, running.kill_at) if at is not None]
        return max(0.0, min(times) - time.monotonic()) * 1000 + 1 if times else None

    def _meet_deadlines(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if running.kill_at is not None and running.kill_at <= now:
                running.kill_at = None
                system.kill_group(running.pid, signal.SIGKILL)
            if running.end_at is not None and running.end_at <= now:
                self._end(running, GRACE, f"timed out after {running.task.timeout:g} s")

    def _end(self, running: Running, grace: float, why: str) -> None:
        running.ended_because = running.ended_because or why
        running.end_at = None
        kill_at = time.monotonic() + grace
        running.kill_at = kill_at if running.kill_at is None else min(kill_at, running.kill_at)
        how = signal.SIGTERM if grace > 0 else signal.SIGKILL
        try:
            os.kill(running.pid, how)  # until the process has called setsid it has no group of its own
        except ProcessLookupError:
            return
        system.kill_group(running.pid, how)


def _tell(channel: Channel, loaded: Loaded) -> None:
    try:
        channel.send(loaded)
    except OSError:
        os._exit(0)


def _error(status: int, said: str) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return ""
    return said if said and code > 0 else system.ending(code)


def _libraries_met(known: set[str]) -> tuple[str, ...]:
    """The modules that loading imported and that are no part of the project."""
    from pivot_core.frozen import FrozenLoader

    met = [(name, module) for name, module in list(sys.modules.items()) if name not in known]
    return tuple(
        name
        for name, module in met
        if (spec := getattr(module, "__spec__", None)) is not None and not isinstance(spec.loader, FrozenLoader)
    )


def _threads_notice(threads: int, loaded: Loaded) -> str:
    files = sorted({stage.location.file for stage in loaded.stages.values()})
    return (
        f"loading the pipeline ({', '.join(files[:3])}) left {threads - 1} thread{'s' if threads > 2 else ''} running, "
        "so each stage loads it anew; start threads and use libraries inside of stages to run faster"
    )
