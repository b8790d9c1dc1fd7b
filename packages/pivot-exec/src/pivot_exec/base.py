"""The base process: imports libraries, nothing of the project, and forks the loader.

It is started with the number of its socket, and with "hide" where PYTHONHASHSEED is Pivot's doing.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import time
from typing import cast

from pivot_core.errors import PivotError

from pivot_exec import exercise, immortal, preload, process, system, template, twin, warm
from pivot_exec.messages import Prepare, Retry, Setup
from pivot_exec.wire import Channel

_LET_GO = 10.0  # seconds that a loader has to end its stages, once the main process is gone
_SHORTLY = 0.01  # seconds; who hands over a descriptor has closed its own by then
_LOOK_AGAIN = 1.0  # seconds; macOS forgets to tell that the main process is gone if there was something to read before


def main(descriptor: str, seed: str) -> None:
    process.hide_seed(seed)
    channel = Channel(socket.socket(fileno=int(descriptor)))
    try:
        prepare = cast("Prepare", channel.receive())
        os.chdir(prepare.project.root)
        if not prepare.debug:
            os.dup2(2, 1)
        else:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        system.adopt_orphans()
        libraries = preload.libraries(prepare.project)
        stayed = warm.Stayed(prepare.project, imports_first=bool(libraries))
        preload.import_all(libraries)
        setup = cast("Setup", channel.receive())
    except EOFError:
        os._exit(0)
    keep = 0.0
    while True:
        preload.import_late(setup)
        if libraries or setup.project.settings.isolation == "worker":
            preload.import_state()
        if setup.project.settings.isolation == "stage" and setup.project.settings.preload != "none":
            exercise.all_imported()
            immortal.all_imported()
        code = _serve(channel, setup)
        keep = keep if setup.keep is None else setup.keep
        if keep > 0:
            stayed.listen(setup.project)
        channel.close(code if keep > 0 else None)  # who runs goes on now, and the next run may begin
        system.end_session(keep=stayed.commands)
        system.fall_silent()
        following = stayed.next(setup, keep) if keep > 0 else None
        if following is None:
            os._exit(code)
        channel, setup = following
        libraries = preload.libraries(setup.project)
        preload.import_all(libraries)


def _serve(channel: Channel, setup: Setup) -> int:
    """One run: a loader, or two where the first says what has to be imported before it. Returns how it ended."""
    code, retry = _run_loader(channel, setup, may_retry=True)
    if retry is not None:
        before = dict(os.environ)
        _set_environment(retry.environment)
        preload.import_all(retry.modules)
        _set_environment(before)
        code, _ = _run_loader(channel, setup, may_retry=False)
    return code


def _run_loader(channel: Channel, setup: Setup, *, may_retry: bool) -> tuple[int, Retry | None]:
    """Fork a loader and stay until it ends. Returns how it ended, as an exit code of this process tells it, and what it
    wants imported first, if it must be started again.
    """
    parent, (ours, theirs) = os.getpid(), socket.socketpair()
    try:
        pid = system.fork()
    except OSError as error:
        what = f"the process that loads {setup.project.settings.pipeline} could not be started: {error.strerror}"
        channel.send(PivotError(what, system.NO_PROCESS))
        return 0, None
    if pid == 0:
        ours.close()
        system.die_with_parent(parent)
        template.main(channel, setup, theirs.detach(), may_retry=may_retry)
    theirs.close()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # on a terminal, Ctrl-C is for the loader, which debugs
    with ours:
        answer = _read_answer(ours, channel.fileno(), pid, setup)
    _, status = os.waitpid(pid, 0)
    signal.signal(signal.SIGINT, before)
    return system.handed_on(status), cast("Retry", pickle.loads(answer)) if answer else None


def _read_answer(end: socket.socket, main_process: int, loader: int, setup: Setup) -> bytes:
    """What the loader says before it ends, if anything. With a descriptor it says what the base shall do with that."""
    poll, answer = select.poll(), b""
    kill_at: float | None = None
    to_close: list[int] = []
    poll.register(end, select.POLLIN)
    poll.register(main_process, select.POLLHUP)
    while True:
        ready = poll.poll((_SHORTLY if to_close else _LOOK_AGAIN) * 1000)
        if kill_at is not None and time.monotonic() > kill_at:
            os.kill(loader, signal.SIGKILL)
        if not ready:
            _close(to_close)
        for descriptor, _event in ready:
            if descriptor == main_process:
                poll.unregister(main_process)
                kill_at = time.monotonic() + _LET_GO
                continue
            data, descriptors, *_ = socket.recv_fds(end, 1 << 16, 1)
            if not data:
                _close(to_close)
                return answer
            if descriptors and data == twin.CLOSED:
                to_close += descriptors
            elif descriptors:
                twin.start(descriptors[0], setup, (end.fileno(), main_process))
            else:
                answer += data


def _close(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


def _set_environment(wanted: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)
