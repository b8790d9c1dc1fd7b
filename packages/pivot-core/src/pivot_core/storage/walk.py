# ruff: noqa: PTH115, PTH116, PTH118, PTH120 - done for every link, where a Path costs more than the call it makes
"""Walk a directory into what its listing will hold: files, links and empty directories.

A link that points to something inside the directory is listed as a link. One that points outside is followed by
content, since what is there may differ elsewhere. A link that leads nowhere, or to a directory that is being walked
already, is listed as a link too: so loops end. So is one that leads to a device, a named pipe or a socket; these
themselves have no bytes that could be listed.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from pivot_core.storage.ignore import Ignore, is_litter, is_virtual_environment


def slashed(path: str) -> str:
    """A path of the operating system as Pivot has it everywhere: with forward slashes."""
    return path if os.sep == "/" else path.replace(os.sep, "/")


@attrs.frozen
class Found:
    """One thing in a directory, by its path in it: a file (with its stat), a link (with its target), something that
    cannot be listed (with what it is), or else an empty directory."""

    path: str
    stat: os.stat_result | None = None
    link: str = ""
    special: str = ""


@attrs.frozen
class _Root:
    """A directory whose content is walked: the top, or one that a link led to. `prefix` is where it is listed."""

    real: str
    prefix: str


def no_look(_path: str) -> None:
    """Takes no notes."""


def walk(top: Path, ignore: Ignore, name: str = "", look: Callable[[str], None] = no_look) -> Iterator[Found]:
    """Everything in `top` that counts, in no particular order. `name` is what `ignore` puts before paths in it: empty,
    or the path of `top` with a slash. `look` is called with each directory before it is read.

    Raises OSError where a directory cannot be read.
    """
    real = slashed(os.path.realpath(top))
    return _Walker(ignore, name, look).directory(real, "", (_Root(real, ""),))


@attrs.frozen
class _Walker:
    ignore: Ignore
    name: str
    look: Callable[[str], None]

    def directory(self, real: str, prefix: str, roots: tuple[_Root, ...]) -> Iterator[Found]:
        self.look(real)
        with os.scandir(real) as scan:
            entries = list(scan)
        if prefix and all(is_litter(entry.name) for entry in entries):
            yield Found(prefix[:-1])
        for entry in entries:
            yield from self._entry(entry, prefix + entry.name, roots)

    def _entry(self, entry: os.DirEntry[str], path: str, roots: tuple[_Root, ...]) -> Iterator[Found]:
        directory = is_directory(entry)
        if self._ignored(entry, path, directory):
            return
        if entry.is_symlink():
            yield from self._link(entry, path, roots, directory=directory)
        elif directory:
            yield from self.directory(entry.path, f"{path}/", roots)
        elif entry.is_file():
            yield Found(path, entry.stat())
        else:
            yield Found(path, special=kind_of(entry.stat().st_mode))

    def _ignored(self, entry: os.DirEntry[str], path: str, directory: bool) -> bool:
        if self.ignore.ignored(self.name + path, directory=directory):
            return True
        if directory and is_virtual_environment(Path(entry.path)):
            self.look(entry.path)
            return True
        return False

    def _link(
        self, entry: os.DirEntry[str], path: str, roots: tuple[_Root, ...], *, directory: bool
    ) -> Iterator[Found]:
        text = slashed(os.readlink(entry.path))
        try:
            stat = os.stat(entry.path)
        except OSError:
            yield Found(path, link=text)
            return
        target = _place_of(os.path.join(os.path.dirname(entry.path), text))
        for root in reversed(roots):
            if target == root.real or target.startswith(f"{root.real}/"):
                listed = os.path.normpath(root.prefix + target[len(root.real) + 1 :])
                yield Found(path, link=slashed(os.path.relpath(listed, os.path.dirname(path) or ".")))
                return
        if directory:
            real = slashed(os.path.realpath(entry.path))
            if any(root.real == real or root.real.startswith(real.rstrip("/") + "/") for root in roots):
                yield Found(path, link=text)
            else:
                yield from self.directory(real, f"{path}/", (*roots, _Root(real, f"{path}/")))
        elif modes.S_ISREG(stat.st_mode):
            yield Found(path, stat)
        else:
            yield Found(path, link=text)


def kind_of(mode: int) -> str:
    """What something is that is neither a file nor a directory."""
    kinds = {modes.S_IFIFO: "a named pipe", modes.S_IFSOCK: "a socket"}
    return kinds.get(modes.S_IFMT(mode), "a device")


def is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a directory or leads to one; a link in a circle does not."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False


def _place_of(path: str) -> str:
    """Where what `path` names really is; not what it leads to, if that is itself a link."""
    above, name = os.path.split(path.rstrip("/"))
    return slashed(os.path.realpath(path) if name in ("", ".", "..") else os.path.join(os.path.realpath(above), name))
