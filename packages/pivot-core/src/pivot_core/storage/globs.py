"""Globs in deps: which files one names now, and which outs it would name.

`*`, `?` and `[...]` stay within one name, a part that is `**` spans any number of directories. As in shells, a name
that starts with a dot is matched only by a part that does. A directory that matches stands for all that is in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

from pivot_core.model import GLOB_CHARACTERS
from pivot_core.storage.ignore import Ignore, is_virtual_environment
from pivot_core.storage.listing import parents
from pivot_core.storage.walk import is_directory, no_look

type Look = Callable[[str], None]


def expand(root: Path, pattern: str, ignore: Ignore, look: Look = no_look) -> list[str]:
    """What `pattern` matches under `root`, sorted, without what is ignored and what lies in a matched directory.

    Paths are relative to `root`, or absolute where the pattern is. `look` is called with each path that is looked at.
    """
    parts = tuple(pattern.split("/"))
    base = ""
    if Path(pattern).is_absolute():
        base, parts = f"{parts[0]}/", parts[1:]
    found = set(_walk(root, base, parts, ignore, look))
    return sorted(path for path in found if found.isdisjoint(parents(path)))


def matches(pattern: str, path: str, *, directory: bool = False) -> bool:
    """Whether what `path` will hold would be named by `pattern`, even when it does not exist yet.

    That is so where the pattern matches `path` or a directory above it, and where it goes on below `path`
    (`data/*.csv` and the out `data`). Whether `**` goes on below depends on `path` being a `directory`.
    """
    return _matches(tuple(pattern.split("/")), tuple(path.split("/")), directory)


def _matches(pattern: Sequence[str], path: Sequence[str], directory: bool) -> bool:
    if not pattern:
        return True
    if not path:
        return pattern[0] != "**" or len(pattern) == 1 or directory
    if pattern[0] == "**":
        if len(pattern) == 1:
            return _part_matches("*", path[0])
        if _matches(pattern[1:], path, directory):
            return bool(path)
        if not _part_matches("*", path[0]):
            return False
        return directory if len(path) == 1 else _matches(pattern, path[1:], directory)
    return _part_matches(pattern[0], path[0]) and _matches(pattern[1:], path[1:], directory)


def _walk(root: Path, base: str, parts: Sequence[str], ignore: Ignore, look: Look) -> Iterator[str]:
    """Match `parts` below the directory `base` ("", "/" or a path that ends with "/")."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk_all(root, base, rest, ignore, look)
    elif GLOB_CHARACTERS.isdisjoint(part):
        path = base + part
        look(str(root / path))
        if not rest:
            if os.path.lexists(root / path):
                yield path
        elif (root / path).is_dir():
            yield from _walk(root, f"{path}/", rest, ignore, look)
    else:
        for name, directory in _children(root, base, ignore, look):
            if not _part_matches(part, name):
                continue
            if not rest:
                yield base + name
            elif directory:
                yield from _walk(root, f"{base}{name}/", rest, ignore, look)


def _walk_all(root: Path, base: str, rest: Sequence[str], ignore: Ignore, look: Look) -> Iterator[str]:
    if rest:
        yield from _walk(root, base, rest, ignore, look)
    for name, directory in _children(root, base, ignore, look):
        if name.startswith("."):
            continue
        path = base + name
        if directory and not (root / path).is_symlink():
            yield from _walk_all(root, f"{path}/", rest, ignore, look)
        elif not rest:
            yield path


def _children(root: Path, base: str, ignore: Ignore, look: Look) -> list[tuple[str, bool]]:
    """Names in a directory and whether each is a directory, without what is ignored."""
    look(str(root / base))
    try:
        with os.scandir(root / base) as scan:
            found = [(entry.name, is_directory(entry)) for entry in scan]
    except OSError:
        return []
    children = []
    for name, directory in found:
        if ignore.ignored(base + name, directory=directory):
            continue
        if directory and is_virtual_environment(root / base / name):
            look(str(root / base / name))
        else:
            children.append((name, directory))
    return children


def _part_matches(part: str, name: str) -> bool:
    if name.startswith(".") and not part.startswith("."):
        return False
    return _compiled(part).match(name) is not None


@lru_cache(1024)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(translate(part))
