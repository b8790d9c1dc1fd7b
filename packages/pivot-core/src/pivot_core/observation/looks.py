"""What a look at the file system tells, as a text that two looks can be compared by."""

from __future__ import annotations

import importlib.machinery
import os
import stat as modes
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from pivot_core.storage.digests import READ, hash_bytes, hash_descriptor

NOT_COUNTED: Final = frozenset({"__pycache__", ".pivot"})
"""Names that no listing holds: Python and Pivot make them on the side."""

DATABASE_LOGS: Final = ("-wal", "-journal")
"""The ends of names of files in which SQLite keeps what is not in the database file yet."""

KIND: Final = "kind"
LINK: Final = "link"
STAT: Final = "stat"
LSTAT: Final = "lstat"
SIZE: Final = "size"
ACCESS: Final = "access"  # followed by the mode that was asked for
_KINDS: Final = frozenset({"", "file", "directory", "other"})

# The originals: os.stat and its like are other functions while a load is observed.
_stat, _lstat, _fstat = os.stat, os.lstat, os.fstat
_readlink, _access, _scandir, _open = os.readlink, os.access, os.scandir, os.open
_SUFFIXES: Final = tuple(importlib.machinery.all_suffixes())


def look(path: str, hows: Collection[str] = (KIND,)) -> str:
    """What there is at `path`, looked at in each way of `hows`.

    "", "file", "directory" or "other" for the kind alone; else the ways, a space, and a line for each of them.
    """
    return joined({how: look_in(path, how) for how in hows})


def look_in(path: str, how: str) -> str:
    """What one way of looking at `path` tells; "" where there is nothing."""
    return _WAYS[how.rstrip("01234567")](path, how)


def joined(found: Mapping[str, str]) -> str:
    """The text of `look`, from what each way told."""
    if tuple(found) == (KIND,):
        return found[KIND]
    ways = sorted(found)
    return f"{'+'.join(ways)} " + "\n".join(found[how] for how in ways)


def hows_of(text: str) -> tuple[str, ...]:
    """The ways that a text of `look` came about in. Raises ValueError if it is none."""
    if text in _KINDS:
        return (KIND,)
    ways = tuple(text.partition(" ")[0].split("+"))
    if any(how.rstrip("01234567") not in _WAYS for how in ways):
        raise ValueError(f"no way to look at a path: {text!r}")
    return ways


def file_digest(path: str) -> str:
    """The digest of the file at `path`; "" where there is none that can be read.

    The log of an SQLite database that is open but not written to is as good as none.
    """
    try:
        if not modes.S_ISREG(_stat(path).st_mode):
            return ""
        descriptor = _open(path, READ)
    except (OSError, ValueError):
        return ""
    try:
        size = _fstat(descriptor).st_size
        return "" if not size and path.endswith(DATABASE_LOGS) else hash_descriptor(descriptor, size)
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def listing_digest(there: Iterable[str] | None) -> str:
    """The digest of the entries of a directory; "" for one that cannot be listed."""
    return "" if there is None else _digest(there)


def search_digest(there: Iterable[str] | None, names: Iterable[str]) -> str:
    """The digest of what a directory that holds the entries `there` has of the modules `names`, or of names that end as
    those after a "*"; "" for a directory that cannot be listed."""
    if there is None:
        return ""
    wanted: set[str] = set()
    ends = []
    for name in names:
        if name.startswith("*"):
            ends.append(name[1:])
        else:
            wanted.add(name + "/")
            wanted.update(name + suffix for suffix in _SUFFIXES)
    return _digest([name for name in there if name in wanted or any(map(name.endswith, ends))])


def entries(path: str) -> list[str] | None:
    """The sorted names in a directory, those of directories with a slash; None where it cannot be listed."""
    try:
        with _scandir(path) as found:
            return sorted(
                entry.name + "/" if entry.is_dir() else entry.name for entry in found if entry.name not in NOT_COUNTED
            )
    except (OSError, ValueError):
        return None


def _digest(names: Iterable[str]) -> str:
    return hash_bytes("\0".join(names).encode("utf-8", "surrogateescape"))


def _kind(path: str, _how: str = KIND) -> str:
    try:
        mode = _stat(path).st_mode
    except (OSError, ValueError):
        return ""
    return "file" if modes.S_ISREG(mode) else "directory" if modes.S_ISDIR(mode) else "other"


def _link(path: str, _how: str) -> str:
    try:
        mode = _lstat(path).st_mode
        return _readlink(path) if modes.S_ISLNK(mode) else str(modes.S_IFMT(mode))
    except (OSError, ValueError):
        return ""


def _access_text(path: str, how: str) -> str:
    try:
        return str(_access(path, int(how.removeprefix(ACCESS), 8)))
    except (OSError, ValueError):
        return ""


def _size(path: str, _how: str) -> str:
    try:
        return str(_stat(path).st_size)
    except (OSError, ValueError):
        return ""


def _stat_text(path: str, how: str) -> str:
    try:
        found = _stat(path) if how == STAT else _lstat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_mode} {found.st_size} {found.st_mtime_ns} {found.st_ino}"


_WAYS: Final[dict[str, Callable[[str, str], str]]] = {
    KIND: _kind,
    LINK: _link,
    STAT: _stat_text,
    LSTAT: _stat_text,
    SIZE: _size,
    ACCESS: _access_text,
}
