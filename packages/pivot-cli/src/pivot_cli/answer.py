"""The standing answer: what to print while nothing has changed since a run left everything up to date.

`.pivot/answer` holds the words and the stamps of every path they rest on. Giving it costs a look at each of these and
decides nothing: same stamps, same answer; else the command takes its ordinary way. So this imports no module that
Python has not imported already, or nearly. Nothing of the file is executed, and one that is damaged is no answer.
"""

from __future__ import annotations

import os
import sys
import time
from zlib import crc32

TYPE_CHECKING = False  # what typing says too; importing that takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

NAME = ".pivot/answer"
TIME = "\x1a"  # in the words: how long it took
_MAGIC = b"pivot answer 1\n"
# Of variables that always count: those that pivot_core.observation compares, which takes too long to import.
PREFIXES = (
    *("PIVOT_", "PYTHON", "LC_", "LANG", "TZ"),
    *("OPENBLAS_", "MKL_", "OMP_", "NUMEXPR_", "PANDAS_", "POLARS_", "ARROW_"),
)
COMMANDS = frozenset({"run", "status"})
_THERE = -1  # instead of a time: the mode and the inode are all that counts
_EVERYTHING = "*"  # among the names of variables: all of them

type Stamped = Sequence[tuple[str, tuple[int, int, int, int]]]


class Changed(Exception):  # noqa: N818 - reads as what happened
    """There is an answer, but not all that it rests on is the same."""


def give(arguments: Sequence[str]) -> int | None:
    """Print the standing answer to a command line, and return its exit code; None if there is none. Raises Changed."""
    began = time.perf_counter()
    if not arguments or arguments[0] not in COMMANDS:
        return None
    try:
        root = root_at(os.getcwd())  # noqa: PTH109
        if root is None:
            return None
        answer = _answer(root, arguments)
        if answer is None:
            return None
        notices, words = answer
        words = words.replace(TIME, f"{time.perf_counter() - began:.2f}s")
        sys.stderr.write(notices)
        sys.stderr.flush()
        sys.stdout.write(words)
    except (OSError, ValueError, IndexError, TypeError):
        return None
    sys.stdout.flush()
    return 0


def holds(root: str, arguments: Sequence[str]) -> bool:
    """Whether there is a standing answer to a command line for the project at `root`."""
    try:
        return _answer(root, arguments) is not None
    except (Changed, OSError, ValueError, IndexError, TypeError):
        return False


def write(
    root: str,
    words: Mapping[tuple[str, ...], str],
    notices: str,
    variables: Iterable[str],
    followed: Stamped,
    links: Stamped,
) -> None:
    """Keep an answer: `words` by command line, and `notices` for stderr.

    It holds while the stamps of `followed` and `links`, the environment variables and Python are the same. Where TIME
    stands in the words comes how long it took. Raises OSError, and OverflowError for numbers of no usual file system.
    """
    variables = sorted(variables)
    pairs = [text for arguments, answer in words.items() for text in ("\x1f".join(arguments), answer)]
    paths = [[_shortened(path, root) for path, _ in stamped] for stamped in (followed, links)]
    stamps = [
        number.to_bytes(8, sys.byteorder, signed=True) for s in (followed, links) for _, stamp in s for number in stamp
    ]
    texts = [[_surroundings(variables)], variables, [notices], pairs, *paths]
    sections = [*("\0".join(section).encode("utf-8", "surrogateescape") for section in texts), b"".join(stamps)]
    body = b" ".join(b"%d" % len(section) for section in sections) + b"\n" + b"".join(sections)
    temporary = f"{root}/{NAME}.{os.getpid()}"
    with open(temporary, "wb") as file:  # noqa: PTH123
        file.write(b"%s%d\n%s" % (_MAGIC, crc32(body), body))
    os.replace(temporary, f"{root}/{NAME}")  # noqa: PTH105


def root_at(start: str) -> str | None:
    """The directory at or above `start` that has an answer; None where a project without one is nearer."""
    place = start
    while True:
        if os.path.lexists(f"{place}/{NAME}"):
            return place
        if any(os.path.lexists(f"{place}/{mark}") for mark in (".pivot", "pipeline.py", "pyproject.toml")):
            return None
        above = os.path.dirname(place)  # noqa: PTH120
        if above == place:
            return None
        place = above


def _answer(root: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    """The notices and the words for a command line, if there are any. Raises Changed."""
    # Where a pipe is in its place, nobody is waited for.
    with os.fdopen(os.open(f"{root}/{NAME}", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        data = file.read()
    check, _, body = data.removeprefix(_MAGIC).partition(b"\n")
    if not data.startswith(_MAGIC) or int(check) != crc32(body):
        return None
    lengths, _, rest = body.partition(b"\n")
    sections = []
    for length in map(int, lengths.split()):
        sections.append(rest[:length])
        rest = rest[length:]
    surroundings, variables, notices, pairs, followed, links = (_texts(section) for section in sections[:6])
    same = surroundings == [_surroundings(variables)]
    if not same or not _all_same(root, followed, links, memoryview(sections[6]).cast("q")):
        raise Changed
    words = dict(zip(pairs[::2], pairs[1::2], strict=True)).get("\x1f".join(arguments))
    return None if words is None else ("".join(notices), words)


def _all_same(root: str, followed: Sequence[str], links: Sequence[str], stamps: memoryview[int]) -> bool:
    start, middle = os.getcwd(), 4 * len(followed)  # noqa: PTH109
    os.chdir(root)
    try:
        return _same(followed, stamps[:middle], os.stat) and _same(links, stamps[middle:], os.lstat)
    finally:
        os.chdir(start)


def _same(paths: Sequence[str], stamps: memoryview[int], stat: Callable[[str], os.stat_result]) -> bool:
    """Whether each path still has its stamp."""
    numbers = iter(stamps)
    for path, *stamp in zip(paths, numbers, numbers, numbers, numbers, strict=True):
        try:
            found = stat(path)
        except OSError:
            if stamp != [0, 0, 0, 0]:
                return False
            continue
        if stamp[0] == _THERE:
            if stamp[1:] != [found.st_mode, 0, found.st_ino]:
                return False
        elif stamp != [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]:
            return False
    return True


def _surroundings(variables: Iterable[str]) -> str:
    """This Python and how it was set up, and the environment variables that count, as text."""
    names = set(variables)
    counted = [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name in names or name.startswith(PREFIXES) or _EVERYTHING in names
    ]
    return "\n".join([sys.version, sys.executable, sys.prefix, str(sys.flags), *sys.path, "", *counted])


def _texts(section: bytes) -> list[str]:
    return section.decode("utf-8", "surrogateescape").split("\0") if section else []


def _shortened(path: str, root: str) -> str:
    """Relative to the root, where that is shorter: looking there is faster."""
    return path.removeprefix(f"{root}/") or "/"
