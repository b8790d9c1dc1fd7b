"""How an error is told: the user's own traceback, what is wrong, what to do. Never a frame of ours."""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
from pathlib import Path

import click
from pivot_core.errors import PivotError
from pivot_core.tracebacks import headline

UNEXPECTED = 2
_OF_THE_MACHINE = frozenset(  # no fault of ours, nor of the pipeline
    {
        *(errno.EACCES, errno.EAGAIN, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE),
        *(errno.ENOMEM, errno.ENOSPC, errno.EPERM, errno.EROFS, errno.ESTALE),
    }
)


def show_failure(error: Exception) -> int:
    """Tell the user on stderr about an error that ended the command; returns the exit code."""
    if isinstance(error, PivotError):
        show_error(error)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        click.echo(f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror}", err=True)
        return UNEXPECTED
    if isinstance(error, UnicodeEncodeError) and not _knows_all_characters():
        click.echo(
            f"error: {error.object!a}: cannot be named here, since file names are {sys.getfilesystemencoding()}\n"
            "hint: Set LC_ALL=C.UTF-8, or do not set PYTHONUTF8=0.",
            err=True,
        )
        return UNEXPECTED
    click.echo(
        f"error: Pivot itself failed ({headline(error)}); please report it, with {_saved(error)}",
        err=True,
    )
    return UNEXPECTED


def show_error(error: PivotError) -> None:
    if error.traceback:
        click.echo(error.traceback + "\n", err=True)
    where = f"{error.where}: " if error.where else ""
    click.echo(f"error: {where}{error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _knows_all_characters() -> bool:
    """Whether Python can name any file; not in an old locale, where its UTF-8 mode is turned off."""
    return sys.getfilesystemencoding().lower() in ("utf-8", "utf8")


def _saved(error: Exception) -> str:
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="pivot-error-", suffix=".txt", delete=False) as file:
            file.write(text)
        return f"the trace in {Path(file.name)}"
    except OSError:
        return "what you did before"
