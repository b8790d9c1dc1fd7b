"""Deps that are not there: said in one error, with what was probably meant."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pivot_core.errors import PipelineError
from pivot_core.model import GLOB_CHARACTERS, Stage

_ALIKE = 0.8  # of 1: how alike paths must be for one to be meant by the other


def missing_deps(missing: Sequence[tuple[str, Stage]], known: Iterable[str]) -> PipelineError:
    """The error for `missing`, pairs of a path and the stage that reads it; `known` are paths that may be meant."""
    (first, stage), *others = missing
    if others:
        lines = [f"  {path}, which {stage.name!r} reads ({stage.location})" for path, stage in missing]
        message = "\n".join(["there are no such files, and no stage writes them:", *lines])
    else:
        there = "is not there" if GLOB_CHARACTERS.isdisjoint(first) else "matches nothing"
        message = f"stage {stage.name!r} reads {first}, which {there}, and no stage writes it"
    candidates = set(known) - {out.path for out in stage.outs}
    if first in candidates:
        hint = f"{first!r} is a link that leads nowhere: make it lead to a file, or correct the path."
        return PipelineError(message, hint, stage.location)
    close = difflib.get_close_matches(first, candidates, 1, _ALIKE)
    meant = f"Did you mean {close[0]!r} for {first!r}? " if close else ""
    hint = f"{meant}Create the file, or correct the path, which is relative to the project root."
    return PipelineError(message, hint, stage.location)


def missing_code_dep(root: Path, path: str, stage: Stage) -> PipelineError:
    """The error for a file in `code_deps` of `stage` that is not there."""
    close = difflib.get_close_matches(path, siblings(root, path), 1, _ALIKE)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    hint = f"{meant}A text in code_deps is a path, relative to the project root; code is named by the object itself."
    return PipelineError(f"code_deps: there is no {path}", hint, stage.location)


def siblings(root: Path, path: str) -> list[str]:
    """The paths, relative to the root, of what lies in the directory of `path`."""
    parent = PurePosixPath(path).parent
    try:
        return [(parent / name).as_posix() for name in os.listdir(root / parent)]  # noqa: PTH208 - text alone
    except OSError:
        return []
