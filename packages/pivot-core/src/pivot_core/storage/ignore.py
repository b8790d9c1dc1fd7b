"""What never counts in directories and globs: tools' own files, and what `.pivotignore` names.

`.pivotignore` in the project root has one pattern a line, as in `.gitignore`: `#` starts a comment, a leading `!` takes
earlier matches back, a trailing `/` means directories only, a `/` elsewhere ties the pattern to the root; `*`, `?` and
`[...]` stay within one name and `**` spans directories; a backslash makes the next character literal. The last pattern
that matches decides. What lies in an ignored directory is not looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs

IGNORE_FILE = ".pivotignore"
TEMPORARY_PREFIX = ".pivot-tmp-"  # of what Pivot writes beside its target before it renames it

_OWN_DIRECTORIES = frozenset({".git", ".pivot"})
_LITTER = frozenset({"__pycache__", ".ipynb_checkpoints", ".DS_Store"})


@attrs.frozen
class _Rule:
    expression: re.Pattern[str]
    negated: bool
    directories_only: bool


@attrs.frozen
class Ignore:
    """Decides by path. A dep or out that is declared itself is never asked about, only what is found inside of it."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def load(cls, root: Path) -> Ignore:
        """The rules of the project at `root`; the built-in ones alone where it has no `.pivotignore`."""
        try:
            text = (root / IGNORE_FILE).read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return cls()
        return cls.parse(text.removeprefix("\ufeff").split("\n"))

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Ignore:
        return cls(tuple(rule for line in lines if (rule := _rule(line)) is not None))

    def ignored(self, path: str, *, directory: bool) -> bool:
        """Whether `path`, relative to the root (or absolute), is left out. Its parents are not looked at."""
        name = path.rpartition("/")[2]
        if is_litter(name) or (directory and name in _OWN_DIRECTORIES):
            return True
        for rule in reversed(self.rules):
            if (directory or not rule.directories_only) and rule.expression.fullmatch(path):
                return not rule.negated
        return False


def is_litter(name: str) -> bool:
    """Whether a file or directory of this name is what tools leave behind: caches, backups, temporaries."""
    if name in _LITTER or name.endswith("~") or name.startswith((".#", TEMPORARY_PREFIX)):
        return True
    if name.startswith("#") and name.endswith("#"):
        return True
    return name.startswith(".") and name[-4:-2] == ".s" and name[-2] == "w" and len(name) > 4


def is_virtual_environment(directory: Path) -> bool:
    return os.path.lexists(directory / "pyvenv.cfg")


def _rule(line: str) -> _Rule | None:
    line = line.removesuffix("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    pattern = line[negated:]
    directories_only = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    if not pattern:
        return None
    anywhere = "/" not in pattern
    expression = ("(?:.*/)?" if anywhere else "") + _translated(pattern.removeprefix("/"))
    return _Rule(re.compile(expression, re.DOTALL), negated, directories_only)


_TOKEN = re.compile(
    r"""(?P<all>(?:^|(?<=/))\*\*/) | (?P<rest>(?<=/)\*\*$) | (?P<star>\*+) | (?P<any>\?)
      | \[(?P<not>[!^]?)(?P<set>\]?[^\]]+|\])\] | \\(?P<escaped>.) | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)


def _translated(pattern: str) -> str:
    """The pattern of an anchored path as a regular expression."""
    return "".join(map(_token, _TOKEN.finditer(pattern)))


def _token(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "all":
            return "(?:.*/)?"
        case "rest":
            return ".+"
        case "star":
            return "[^/]*"
        case "any":
            return "[^/]"
        case "set":
            return f"(?!/)[{'^' if match['not'] else ''}{_character_set(match['set'])}]"
        case _:
            return re.escape(match["escaped"] or match["plain"])


def _character_set(text: str) -> str:
    """The inside of `[...]` for a regular expression; a range that runs backwards holds nothing but its ends."""
    pieces = []
    while text:
        if len(text) >= 3 and text[1] == "-" and text[0] <= text[2]:
            pieces.append(f"{re.escape(text[0])}-{re.escape(text[2])}")
            text = text[3:]
        else:
            pieces.append(re.escape(text[0]))
            text = text[1:]
    return "".join(pieces)
