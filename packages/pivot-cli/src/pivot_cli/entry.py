"""The `pivot` script: gives the standing answer if there is one, else the command line takes over."""

from __future__ import annotations

import io
import os
import sys

from pivot_cli import answer

TYPE_CHECKING = False  # importing typing takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_INTERRUPTED, _REFUSED = 130, 2
_FORCES = frozenset({"-f", "--force"})
_RUNS_NONE = frozenset({"-h", "--help", "-n", "--dry-run", "--debug"})


def run() -> NoReturn:
    """Run the command line that this process was started with, and exit with its code."""
    _end(main())


def main() -> int:
    """Run the command line that this process was started with; returns its exit code."""
    _open_missing_streams()
    try:
        code = _answer_or_run() if _is_somewhere() else _REFUSED
    except KeyboardInterrupt:  # while the command line, which tells of a later one, is imported
        print("interrupted", file=sys.stderr)  # noqa: T201
        code = _INTERRUPTED
    except OSError:  # stderr takes nothing, not even what is wrong
        code = _REFUSED
    _flush()
    return code


def _end(code: int) -> NoReturn:
    """Exit without taking apart all that was imported, as Python does: that takes longer than many a command."""
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()  # noqa: SLF001
        _flush()
    os._exit(code)


def _flush() -> None:
    """Write out what was printed. A stream that nobody takes it from goes: Python would try again, and tell of that."""
    for name in ("stdout", "stderr"):
        try:
            stream = getattr(sys, name)
            if stream is not None:
                stream.flush()
        except OSError:
            setattr(sys, name, None)


def _is_somewhere() -> bool:
    """Whether the working directory is still there; says so where it is not."""
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        print("error: the current directory was removed\nhint: Change into one that is there.", file=sys.stderr)  # noqa: T201
        return False
    return True


def _answer_or_run() -> int:
    changed = False
    try:
        code = answer.give(sys.argv[1:])
    except answer.Changed:
        code, changed = None, True
    except OSError:
        code = None  # nobody takes the words; the command line tells of it
    if code is not None:
        return code
    runs_stages = _will_run_stages(sys.argv[1:], changed=changed)
    if runs_stages and (code := _hand_over(sys.argv[1:])) is not None:
        return code
    import gc

    gc.disable()  # importing makes hundreds of thousands of objects, and what is in cycles goes when this process ends
    return _run_early() if runs_stages else _run()


def _hand_over(arguments: Sequence[str]) -> int | None:
    """Have a base that stayed run the command line, if there is one; returns the exit code."""
    root = answer.root_at(os.getcwd())  # noqa: PTH109
    if sys.platform == "win32" or root is None:
        return None
    from pivot_cli import handing

    return handing.hand_over(root, arguments)


def _run() -> int:
    from pivot_cli.app import main

    return main()


def _run_early() -> int:
    """What will run stages is started first, and comes up while this process imports the command line."""
    from pivot_exec import starting

    starting.start_early()
    try:
        return _run()
    finally:
        starting.end_early()


def _will_run_stages(arguments: Sequence[str], *, changed: bool) -> bool:
    """A guess: where it is wrong, a process is started that nobody needs, or later than could be."""
    if arguments[:1] != ["run"] or not _RUNS_NONE.isdisjoint(arguments) or sys.platform == "win32":
        return False
    return changed or not _FORCES.isdisjoint(arguments) or not os.path.lexists(".pivot/stages")


def _open_missing_streams() -> None:
    """Give a process that was started without one of the standard streams an empty one: a file or a pipe that is opened
    later would take its number, and what is printed.

    What an encoding lacks is printed as its number: on Windows that of files does, elsewhere that of LC_ALL=C, say.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            os.set_inheritable(number, True)  # else it is missing in each process that this one starts
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")
