"""Targets: what a user asks for on the command line, as stages."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from pivot_core.enumerating import first_of
from pivot_core.errors import PipelineError
from pivot_core.graph import Graph
from pivot_core.model import GLOB_CHARACTERS

_SHOWN = 3  # stages that a message names


def select(graph: Graph, targets: Iterable[str], root: Path, cwd: Path | None = None) -> tuple[str, ...]:
    """The stages that `targets` name, in an order that works; all stages where there are no targets.

    A target is the name of a stage, a glob of names, or the path of an out (or of something in one, or a directory that
    holds some), relative to `cwd` (default: the working directory) or to the root. What the stages wait for is not
    included: see `Graph.with_upstreams`. Raises PipelineError for a target that names nothing.
    """
    targets = list(targets)
    if not targets:
        return graph.order
    named: set[str] = set()
    for target in targets:
        found = _by_name(graph, target) or _by_path(graph, target, root, cwd or Path.cwd())
        if not found:
            raise _unknown(graph, target)
        named.update(found)
    return tuple(name for name in graph.order if name in named)


def _by_name(graph: Graph, target: str) -> list[str]:
    if target in graph.stages:
        return [target]
    if GLOB_CHARACTERS.isdisjoint(target):
        return []
    return [name for name in graph.stages if fnmatchcase(name, target)]


def _by_path(graph: Graph, target: str, root: Path, cwd: Path) -> list[str]:
    for base in (cwd, root):
        try:
            path = Path(os.path.relpath(os.path.join(base, target), root)).as_posix()  # noqa: PTH118 - text in, text out
        except ValueError:  # on another drive
            continue
        found = [
            producer
            for out, producer in graph.producers.items()
            if out == path or out.startswith(f"{path}/") or path.startswith(f"{out}/")
        ]
        if found:
            return found
    return []


def _unknown(graph: Graph, target: str) -> PipelineError:
    return PipelineError(f"no stage is named {target!r}, and none writes such a path", _hint(graph, target))


def _hint(graph: Graph, target: str) -> str:
    if any(part in graph.stages for part in target.split(",")):
        return "Put spaces between the names, not commas."
    readers = [name for name, stage in graph.stages.items() if any(dep.path == target for dep in stage.deps)]
    if readers:
        return f"It is a dep of {first_of(readers, _SHOWN)}: name the stage."
    if target.endswith(".py"):
        return (
            "The file of the pipeline is no target: another one is named by the setting `pipeline`, or PIVOT_PIPELINE."
        )
    close = difflib.get_close_matches(target, [*graph.stages, *graph.producers], 1)
    return f"Did you mean {close[0]!r}?" if close else "`pivot list` shows the stages."
