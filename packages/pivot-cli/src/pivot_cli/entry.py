"""The `pivot` script: gives the standing answer if there is one, else the command line takes over."""

from __future__ import annotations

import sys

from pivot_cli import answer


def run() -> None:
    """Run the command line that this process was started with, and exit with its code."""
    try:
        code = answer.give(sys.argv[1:])
    except BrokenPipeError:
        code = None
    if code is None:
        from pivot_cli.app import main

        code = main()
    sys.exit(code)
