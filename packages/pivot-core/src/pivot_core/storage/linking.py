"""Ways of having the bytes of a file twice without copying them."""

from __future__ import annotations

import os
import stat as modes
import sys
from pathlib import Path

_FICLONE = 0x40049409  # linux/fs.h: ioctl of the target, with the descriptor of the source


def clone(source: int, target: int) -> bool:
    """Make the open, empty file `target` a reflink of `source`; False where the file system cannot."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def hard_link(source: str, target: str) -> bool:
    """Make `target` the same file as `source`, read-only; False where that would not be safe or cannot be done.

    An executable file is not linked, since objects do not keep that bit, nor one that has other links already.
    """
    stat = Path(source).stat()
    if stat.st_nlink > 1 or stat.st_mode & modes.S_IXUSR:
        return False
    try:
        Path(target).hardlink_to(source)
        Path(target).chmod(stat.st_mode & 0o444)
    except OSError:
        return False
    return True


def can_protect() -> bool:
    """Whether read-only files are safe from being written to: not from root, and on Windows they could not be removed
    without making all links to them writable."""
    return sys.platform != "win32" and os.geteuid() != 0
