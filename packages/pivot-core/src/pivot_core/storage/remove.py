"""Take files and directories away without following a link."""

from __future__ import annotations

import errno
import os
import stat as modes
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pivot_core.errors import PivotError
from pivot_core.storage.ignore import Ignore, is_litter, is_virtual_environment

_MOUNTED = (
    "Something is mounted there, which stages cannot begin without: mount it above, or declare what is in it as outs."
)

if sys.platform != "win32":
    replace, unlink = os.replace, os.unlink
else:
    _PATIENCE = 1.0  # seconds that other programs may look at a file which is to go

    def replace(source: str | Path, target: str | Path) -> None:
        """As `os.replace`; what is at `target` may be read-only, or be open elsewhere for a moment."""
        _patiently(os.replace, target, source, target)

    def unlink(path: str | Path) -> None:
        """As `os.unlink`; what is there may be read-only, or be open elsewhere for a moment."""
        _patiently(os.unlink, path, path)

    def _patiently(act: Callable[..., None], path: str | Path, *arguments: str | Path) -> None:
        """Act where `path` must be writable, which Windows wants of what goes away, and open nowhere."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                act(*arguments)
            except PermissionError:
                if Path(path).is_dir() or time.monotonic() > until:
                    raise
                if Path(path).exists():
                    Path(path).chmod(modes.S_IWRITE)
                time.sleep(0.01)
            else:
                return


def clear(root: Path, path: str, ignore: Ignore) -> None:
    """Remove the out at `path`, relative to `root`, so that a stage finds its place empty; nothing there is fine.

    In a directory, what `ignore` names stays, except for what tools leave behind: it is not the stage's, and nobody has
    its bytes. Raises PivotError.
    """

    def stays(place: Path, name: str) -> bool:
        directory = place.is_dir()
        if is_litter(place.name):
            return False
        return ignore.ignored(name, directory=directory) or (directory and is_virtual_environment(place))

    try:
        remove(root / path, path, stays)
    except OSError as error:
        hint = _MOUNTED if error.errno == errno.EBUSY and sys.platform != "win32" else ""
        raise PivotError(f"{path}: cannot be removed: {error.strerror}", hint) from None


def remove(place: Path, name: str = "", stays: Callable[[Path, str], bool] = lambda _place, _name: False) -> None:
    """Remove what is at `place`; in a directory, all but what `stays` says of a place and its name below `name`.

    A link is removed itself. A directory that holds something that stays is left. Raises OSError.
    """
    try:
        stat = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if not modes.S_ISDIR(stat.st_mode):
        unlink(place)
        return
    if stat.st_mode & modes.S_IRWXU != modes.S_IRWXU:
        place.chmod(stat.st_mode | modes.S_IRWXU)
    left = False
    for child in list(place.iterdir()):
        inner = f"{name}/{child.name}"
        if stays(child, inner):
            left = True
        else:
            remove(child, inner, stays)
            left = left or os.path.lexists(child)
    if not left:
        place.rmdir()
