"""The executor for this machine: starts the base, hands tasks to the template, stores what the stages wrote."""

from __future__ import annotations

import os
import selectors
import socket
import stat as modes
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Self

from pivot_core.errors import PivotError, SnapshotError
from pivot_core.interfaces import Finished, Limits, Loaded, Lost, Report, Started, Store, Task, Withdrawn, Written
from pivot_core.model import Out
from pivot_core.project import Project
from pivot_core.storage.parallel import LARGE
from pivot_core.storage.store import put_outs
from pivot_core.volatile import Compared

from pivot_exec import starting, system
from pivot_exec.messages import Cancel, Ended, ImportedAhead, Run, Setup, Work
from pivot_exec.process import Process
from pivot_exec.wire import Channel, packed

if sys.platform != "win32":
    from selectors import DefaultSelector as Selector
else:
    from pivot_exec.waits import Selector

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_STORING = 2  # threads; hashing and copying release the interpreter lock
_QUICK = 0.1  # seconds that stages take at most for the next ones to be sent ahead
_CLOSE = 5.0  # seconds for the base to end everything, before it is killed


class LocalExecutor:
    """Implements `Loader` and `Executor` of pivot_core with processes of this machine; use it as a context manager.

    `debug` runs the stages one at a time in the loader, with the terminal attached. `compared` is what is known of
    values that differ from load to load; `late` are the modules that libraries are known to import late, and those that
    were seen since; `command` are the modules of the command line, for a base that stays. While the pipeline is loaded,
    a context of `loading` is open.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        *,
        debug: bool = False,
        compared: Compared = Compared(),  # noqa: B008 - it is frozen
        late: Iterable[str] = (),
        command: Iterable[str] = (),
        loading: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._project = project
        self._root = str(project.root)
        self._store = store
        self._debug = debug
        self._compared = compared
        self.late = tuple(late)
        self._command = tuple(command)
        self._loading = loading
        self._base: Process | None = None
        self._channel: Channel | None = None
        self._is_loading = self._is_loaded = False
        self._selector = Selector()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._storing: ThreadPoolExecutor | None = None
        self._jobs = 1
        self._is_quick = False
        self._tasks: dict[str, Task] = {}
        self._waiting: set[str] = set()  # tasks that have not started
        self._pids: dict[str, int] = {}
        self._written: deque[Ended] = deque()
        self._stored: deque[Finished] = deque()
        self._lost: list[Lost] = []
        self._gone = ""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self) -> bool:
        """Have the pipeline loaded, in processes of its own. Returns whether that has come to an end."""
        if self._channel is None:
            project = self._project
            setup = Setup(project, self._debug, project.settings.keep_warm, self._compared, self.late, self._command)
            self._channel = Channel(self._stayed(setup) or self._start_base(setup))
            self._selector.register(self._channel, selectors.EVENT_READ)
        return self._is_loaded or any(key.fileobj is self._channel for key, _ in self._selector.select(0))

    def load(self, project: Project) -> Loaded:
        """Start the base and import the pipeline in it. Raises PivotError."""
        self.expect()
        with self._loading():
            answer = self._load(project)
        self._is_loaded = True
        return answer

    def _load(self, project: Project) -> Loaded:
        assert self._channel is not None
        try:
            self._is_loading = True
            answer = self._channel.receive()
            self._is_loading = False
        except (EOFError, OSError):
            how = self._end_base()
            hint = "Look at what the pipeline does while it is imported."
            if how == "killed by SIGKILL":
                hint += " If nobody killed it, the machine may have run out of memory."
            raise PivotError(f"the process that loads {project.settings.pipeline} ended: {how}", hint) from None
        if isinstance(answer, PivotError):
            raise answer
        assert isinstance(answer, Loaded)
        return answer

    def start(self, loaded: Loaded, limits: Limits) -> None:
        """Make ready for tasks of `loaded`, loading the pipeline if this executor has not; the caller keeps to its own
        limit of jobs.

        Raises PivotError; SnapshotError if loading gives something else than `loaded`.
        """
        if not self._is_loaded and not _same(self.load(self._project), loaded):
            raise SnapshotError(
                f"loading {self._project.settings.pipeline} gave something else than a moment ago",
                "Its code changed meanwhile, or depends on something that Pivot cannot see; run again with --reload.",
            )
        self._jobs = limits.jobs
        self._send(limits)

    def ahead(self) -> int:
        """Where stages are quick it would take as long to send the next one as to run it. With one job nothing makes
        way for a stage before the one in front of it has done well.
        """
        return self._jobs if self._is_quick and self._jobs > 1 and not self._debug and sys.platform != "win32" else 0

    def submit(self, task: Task) -> None:
        if self._gone:
            self._lost.append(Lost(task.id, self._gone))
            return
        self._tasks[task.id] = task
        self._waiting.add(task.id)
        self._send(Run(task.id, packed(Work.of(task)), task.timeout))

    def next(self, timeout: float | None) -> Sequence[Report]:
        """Wait up to `timeout` seconds (None: as long as it takes), or for `wake`; return what was reported."""
        reports: list[Report] = [*self._lost]
        self._lost.clear()
        for key, _ in self._selector.select(0 if reports or self._stored or self._written else timeout):
            if key.fileobj is self._wake:
                self._drain()
            else:
                reports += self._read()
        if self._written and not reports:
            self._stored.append(self._store_outs(self._written.popleft()))
        while self._stored:
            finished = self._stored.popleft()
            if self._tasks.pop(finished.task, None) is not None:
                reports.append(finished)
        return reports

    def wake(self) -> None:
        """Make `next` return now. May be called from signal handlers and other threads."""
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # it is full, so it wakes anyway; or closed

    def cancel(self, task: str, grace: float) -> None:
        if task in self._tasks:
            self._send(Cancel(task, grace))

    def finish(self) -> None:
        """No more tasks come: what was started ends while the caller goes on, and `close` need not wait for it."""
        if self._channel is not None:
            self._channel.say_no_more()

    def close(self) -> None:
        """End everything that was started, at once. Calling it twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._storing is not None:
            self._storing.shutdown(cancel_futures=True)
        if self._channel is not None:
            if self._is_loading and self._base is not None:
                self._base.end()  # which may take as long as the pipeline likes to be imported
            self._end_base()
        elif sys.platform != "win32" and self._project.settings.keep_warm == 0:
            from pivot_exec import warm

            warm.dismiss(self._project)
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _send(self, message: object) -> None:
        assert self._channel is not None
        try:
            self._channel.send(message)
        except OSError:
            # The template is gone, or ends now, as it would miss this: reading from it tells.
            self._channel.say_no_more()

    def _drain(self) -> None:
        try:
            while self._wake.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _read(self) -> list[Report]:
        assert self._channel is not None
        try:
            messages = self._channel.receive_ready()
        except (EOFError, OSError):
            return self._lose_all()
        reports: list[Report] = []
        for message in messages:
            if isinstance(message, Started):
                self._waiting.discard(message.task)
                self._pids[message.task] = message.pid
                reports.append(message)
            elif isinstance(message, Withdrawn):
                self._waiting.discard(message.task)
                self._tasks.pop(message.task, None)
                reports.append(message)
            elif isinstance(message, Ended):
                self._waiting.discard(message.task)
                self._pids.pop(message.task, None)
                self._is_quick = message.seconds < _QUICK
                reports += self._take(message)
            elif isinstance(message, ImportedAhead):
                self.late += message.modules
        return reports

    def _take(self, ended: Ended) -> list[Report]:
        """Have it stored; where nothing is missing later, so that others may start meanwhile."""
        if ended.error:
            self._stored.append(Finished(ended.task, ended.seconds, ended.error, notices=ended.notices))
            return []
        sizes = [self._size(out) for out in self._tasks[ended.task].outs]
        if None in sizes:
            self._stored.append(self._store_outs(ended))
            return []
        # A thread would take longer to hand a small out over than to store it.
        if all(size is not None and size < LARGE for size in sizes):
            self._written.append(ended)
        else:
            self._store_in_thread(ended)
        return [Written(ended.task)]

    def _size(self, out: Out) -> int | None:
        """How much there is to store, as far as that is known without looking at all of it; None where nothing is."""
        try:
            stat = os.lstat(os.path.join(self._root, out.path))  # noqa: PTH118 - for every out
        except OSError:
            return None
        return LARGE if modes.S_ISDIR(stat.st_mode) else stat.st_size

    def _store_in_thread(self, ended: Ended) -> None:
        is_first = self._storing is None
        if self._storing is None:
            from concurrent.futures import ThreadPoolExecutor

            self._storing = ThreadPoolExecutor(min(_STORING, self._jobs), thread_name_prefix="pivot-store")
        try:
            self._storing.submit(self._store_large_outs, ended)
        except RuntimeError:  # the system allows no further thread; those that there are will do it
            if is_first:
                self._storing = None
                self._written.append(ended)

    def _store_outs(self, ended: Ended) -> Finished:
        try:
            return put_outs(self._store, self._project.root, self._tasks[ended.task], ended.seconds, ended.notices)
        except Exception as failure:  # noqa: BLE001 - in a thread nobody else would see it
            return Finished(ended.task, ended.seconds, str(failure), notices=ended.notices)

    def _store_large_outs(self, ended: Ended) -> None:
        self._stored.append(self._store_outs(ended))
        self.wake()

    def _lose_all(self) -> list[Report]:
        """The template is gone: nothing that it ran is left, and none of it has finished, or will start."""
        assert self._channel is not None
        self._selector.unregister(self._channel)
        for pid in self._pids.values():
            system.kill_group(pid)
        self._gone = f"the process that runs stages ended: {self._end_base()}"
        lost: list[Report] = [Lost(task, self._gone) for task in self._tasks if task not in self._waiting]
        withdrawn = [Withdrawn(task) for task in self._tasks if task in self._waiting]
        self._tasks.clear()
        self._waiting.clear()
        self._pids.clear()
        self._written.clear()
        return [*lost, *withdrawn]

    def _stayed(self, setup: Setup) -> socket.socket | None:
        """The base that has stayed, if there is one that is right."""
        if sys.platform != "win32" and not self._debug:
            from pivot_exec import warm

            return warm.connect(setup)
        return None

    def _start_base(self, setup: Setup) -> socket.socket:
        base = starting.base_for(setup.project, debug=self._debug)
        self._base = base.process
        try:
            Channel(base.end).send(setup)
        except OSError:
            pass  # reading from it says that it has ended
        return base.end

    def _end_base(self) -> str:
        """Hang up: the template ends its stages and itself, and the base with it, unless it was told to stay. Returns
        how the base, or its loader, ended, as far as that is known.
        """
        assert self._channel is not None
        hung_up = self._channel.hang_up(_CLOSE)
        if self._channel.last is not None:
            return system.ending_handed_on(self._channel.last)
        if self._base is None:
            return "it had stayed from an earlier run, and cannot say how; run again, which starts another"
        if hung_up and self._project.settings.keep_warm and not self._debug:
            return "it stays for the next run, and cannot say how"
        try:
            return system.ending_handed_on(self._base.wait(_CLOSE))
        except TimeoutError:
            self._base.end()
            return system.ending(self._base.wait())


def _same(one: Loaded, other: Loaded) -> bool:
    """Whether both are of the same stages and code."""
    return one.stages == other.stages and all(one.code[name].digest == other.code[name].digest for name in one.stages)
