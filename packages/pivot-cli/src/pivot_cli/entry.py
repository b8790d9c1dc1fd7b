"""The `pivot` script: gives the standing answer if there is one, else the command line takes over."""

from __future__ import annotations

import os
import sys

from pivot_cli import answer


def run() -> None:
    """Run the command line that this process was started with, and exit with its code."""
    _open_missing_streams()
    try:
        code = answer.give(sys.argv[1:])
    except OSError:
        code = None  # nobody takes the words; the command line tells of it
    if code is None:
        from pivot_cli.app import main

        code = main()
    sys.exit(code)


def _open_missing_streams() -> None:
    """Give a process that was started without one of the standard streams an empty one: a file or a pipe that is opened
    later would take its number, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
