"""Keep outs, and Pivot's own files, out of git."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pivot_core.errors import SEE_THERE, ProjectError
from pivot_core.model import Out

# Lock files and settings belong in git, nothing else does.
OWN_RULES = b"/*\n!/.gitignore\n!/stages/\n!/config.yaml\n/stages/.tmp-*\n"


def ensure_ignored(root: Path, outs: Iterable[Out]) -> list[str]:
    """Add a line for each cached out to the `.gitignore` beside it, where `root` is in a git work tree.

    Outs whose directory does not exist yet are passed over. Returns the files that were changed, relative to `root`.
    Raises ProjectError.
    """
    if not any(place.exists() for place in git_marks(root)):
        return []
    names: dict[str, list[str]] = {}
    for out in outs:
        path = PurePosixPath(out.path)
        if out.cache and "\n" not in path.name:
            names.setdefault(str(path.parent), []).append(path.name)
    return [
        (PurePosixPath(parent) / ".gitignore").as_posix()
        for parent, children in names.items()
        if (root / parent).is_dir() and _add_lines(root / parent / ".gitignore", children)
    ]


def git_marks(root: Path) -> list[Path]:
    """What one of is there if `root` is in a git work tree."""
    return [place / ".git" for place in (root, *root.parents)]


def ensure_own_rules(directory: Path) -> None:
    """Make Pivot's `directory` with its `.gitignore`, if there is none. Raises ProjectError."""
    path = directory / ".gitignore"
    try:
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            path.write_bytes(OWN_RULES)
    except FileExistsError:
        raise ProjectError(f"{directory} is no directory", "Pivot keeps its files there: move away what is.") from None
    except OSError as error:
        raise ProjectError(
            f"{path}: cannot be written: {error.strerror}",
            "A run writes there; `pivot status` and `pivot explain` write nothing, and work all the same.",
        ) from None


def _add_lines(path: Path, names: Iterable[str]) -> bool:
    """Whether lines had to be added. The lines that are there stay as they are, line ends included."""
    try:
        text = path.read_bytes() if path.exists() else b""
        there = set(text.splitlines())
        new = [line for line in map(_line, names) if line not in there and line + b"/" not in there]
        if not new:
            return False
        end = b"\r\n" if b"\r\n" in text else b"\n"
        if text and not text.endswith(b"\n"):
            text += end
        path.write_bytes(text + b"".join(line + end for line in new))
    except OSError as error:
        raise ProjectError(
            f"{path}, which keeps outs out of git, cannot be written: {error.strerror}", SEE_THERE
        ) from None
    return True


def _line(name: str) -> bytes:
    escaped = "".join("\\" + character if character in "\\*?[" else character for character in name)
    if escaped.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return b"/" + escaped.encode("utf-8", "surrogateescape")
