"""Targets: what a user types to name stages."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from pivot_core.errors import PipelineError
from pivot_core.graph import Graph, above
from pivot_core.model import GLOB_CHARACTERS


def select(graph: Graph, targets: Iterable[str], root: Path, cwd: Path | None = None) -> tuple[str, ...]:
    """The stages that `targets` name, all of them where there is no target.

    A target is a stage name, a glob of them, or the path of an out (or inside one), relative to the root or to `cwd`.
    Raises PipelineError for one that names nothing.
    """
    found: dict[str, None] = {}
    asked = False
    for target in targets:
        asked = True
        for name in _named(graph, target, root, cwd or root):
            found[name] = None
    return tuple(found) if asked else graph.order


def _named(graph: Graph, target: str, root: Path, cwd: Path) -> list[str]:
    if target in graph.stages:
        return [target]
    if not GLOB_CHARACTERS.isdisjoint(target) and (names := [n for n in graph.stages if fnmatchcase(n, target)]):
        return names
    for base in (root, cwd):
        path = Path(os.path.relpath(base / target, root)).as_posix()
        for place in (path, *above(path)):
            if place in graph.producers:
                return [graph.producers[place]]
        if inside := {name: None for out, name in graph.producers.items() if out.startswith(f"{path}/")}:
            return list(inside)
    close = difflib.get_close_matches(target, [*graph.stages, *graph.producers], 1)
    hint = f"Did you mean {close[0]!r}?" if close else "`pivot list` shows the stages."
    raise PipelineError(f"no stage or out is named {target!r}", hint)
