"""Deps that are not there: said in one error, with what was probably meant."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pivot_core.enumerating import first_of
from pivot_core.errors import PipelineError
from pivot_core.model import GLOB_CHARACTERS, Stage

_ALIKE = 0.8  # of 1: how alike paths must be for one to be meant by the other


def missing_deps(
    missing: Sequence[tuple[str, Stage]], known: Iterable[str], stages: Mapping[str, Stage]
) -> PipelineError:
    """The error for `missing`, pairs of a path and the stage that reads it.

    `known` are paths that may be meant, `stages` those of the pipeline.
    """
    (first, stage), *others = missing
    if others:
        lines = [f"  {path}, which {stage.name!r} reads ({stage.location})" for path, stage in missing]
        message = "\n".join(["there are no such files, and no stage writes them:", *lines])
    else:
        there = "is not there" if GLOB_CHARACTERS.isdisjoint(first) else "matches nothing"
        message = f"stage {stage.name!r} reads {first}, which {there}, and no stage writes it"
    return PipelineError(message, _hint(first, set(known) - {out.path for out in stage.outs}, stages), stage.location)


def _hint(path: str, candidates: set[str], stages: Mapping[str, Stage]) -> str:
    if path in candidates:
        return f"{path!r} is a link that leads nowhere: make it lead to a file, or correct the path."
    if path in stages and stages[path].outs:
        outs = first_of([repr(out.path) for out in stages[path].outs], 3)
        return f"{path!r} is a stage, and stages are joined by files: name what it writes, {outs}."
    if "\\" in path:
        return "Write / between directories: it is right on every system."
    if "$" in path:
        return "Pivot replaces no $ in paths: put the value in with an f-string, and variables with os.environ."
    tracked = next((f"{place}.dvc" for place in (path, *_above(path)) if f"{place}.dvc" in candidates), "")
    if tracked:
        return f"{tracked} says that DVC keeps it: fetch it with `dvc pull {tracked}`."
    close = difflib.get_close_matches(path, candidates, 1, _ALIKE)
    meant = f"Did you mean {close[0]!r} for {path!r}? " if close else ""
    return f"{meant}Create the file, or correct the path, which is relative to the project root."


def missing_code_dep(root: Path, path: str, stage: Stage) -> PipelineError:
    """The error for a file in `code_deps` of `stage` that is not there."""
    close = difflib.get_close_matches(path, siblings(root, path), 1, _ALIKE)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    hint = f"{meant}A text in code_deps is a path, relative to the project root; code is named by the object itself."
    return PipelineError(f"code_deps: there is no {path}", hint, stage.location)


def near(root: Path, path: str) -> list[str]:
    """What lies in the directories of the project that `path` would be in, relative to the root."""
    return [found for place in (path, *_above(path)) for found in siblings(root, place)]


def _above(path: str) -> list[str]:
    """The directories above a path in the project, innermost first; none of one that is elsewhere."""
    above = PurePosixPath(path).parents
    return [] if path.startswith("/") else [place.as_posix() for place in above][:-1]


def siblings(root: Path, path: str) -> list[str]:
    """The paths, relative to the root, of what lies in the directory of `path`."""
    parent = PurePosixPath(path).parent
    try:
        return [(parent / name).as_posix() for name in os.listdir(root / parent)]  # noqa: PTH208 - text alone
    except OSError:
        return []
