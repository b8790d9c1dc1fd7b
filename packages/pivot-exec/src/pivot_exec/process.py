"""Start a Python like this one, without `subprocess`: importing that takes longer than all that is done here.

Hashes are the same in all of them, so that sets have one order, unless the user chose a seed.
"""

from __future__ import annotations

import os
import sys
import time

from pivot_exec import starter

_FLAGS = (
    *("debug", "dont_write_bytecode", "no_site", "verbose", "bytes_warning", "isolated", "ignore_environment"),
    *("no_user_site", "safe_path", "dev_mode", "optimize"),
)
_LOOK = 0.002  # seconds between looks at whether a process has ended


def command(module: str, descriptor: int) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a `Process`."""
    environment, seed = dict(os.environ), "keep"
    if not environment.get("PYTHONHASHSEED"):
        environment["PYTHONHASHSEED"], seed = "0", "hide"
    return [sys.executable, *_flags(), starter.__file__, module, str(descriptor), seed], environment


def hide_seed(seed: str) -> None:
    """In that process: leave no trace of how Pivot started the interpreter in what the user's code sees."""
    if seed == "hide":
        os.environ.pop("PYTHONHASHSEED", None)


def _flags() -> list[str]:
    """The options of this interpreter that are not told by the environment."""
    if sys.warnoptions or sys._xoptions or any(getattr(sys.flags, name) for name in _FLAGS):  # noqa: SLF001
        import subprocess

        return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001 - as multiprocessing does
    return []


if sys.platform == "win32":
    from pivot_exec.windows import Process as Process
else:

    class Process:
        """A Python that runs `module`. Of the descriptors of this process it has `descriptor`, one of a socket pair.

        It has a session of its own and no input, unless it is `attached` to the terminal. Raises OSError if it
        cannot be started.
        """

        def __init__(self, module: str, descriptor: int, *, attached: bool = False) -> None:
            arguments, environment = command(module, descriptor)
            no_input = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
            os.set_inheritable(descriptor, True)
            try:
                self.pid = os.posix_spawn(
                    sys.executable,
                    arguments,
                    environment,
                    file_actions=() if attached else no_input,
                    setsid=not attached,
                )
            finally:
                os.set_inheritable(descriptor, False)
            self.code: int | None = None  # how it ended: an exit code, or minus a signal

        def wait(self, seconds: float | None = None) -> int:
            """Wait until it has ended; returns how. Raises TimeoutError if that takes longer."""
            if seconds is None:
                self._wait(0)
            end = time.monotonic() + (seconds or 0.0)
            while (code := self.poll()) is None:
                if time.monotonic() > end:
                    raise TimeoutError
                time.sleep(_LOOK)
            return code

        def poll(self) -> int | None:
            """How it ended; None if it has not."""
            self._wait(os.WNOHANG)
            return self.code

        def end(self) -> None:
            """End it at once, and all that it started in its session, and wait for it."""
            import signal

            for kill in (os.killpg, os.kill) if self.poll() is None else ():
                try:
                    kill(self.pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue  # it has no group of its own, or has just ended
            self.wait()

        def _wait(self, options: int) -> None:
            if self.code is None:
                try:
                    pid, status = os.waitpid(self.pid, options)
                except ChildProcessError:
                    pid, status = self.pid, 0  # somebody else has waited for it
                if pid:
                    self.code = os.waitstatus_to_exitcode(status)
