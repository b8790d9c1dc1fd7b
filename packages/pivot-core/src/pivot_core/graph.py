"""The graph: which stage waits for which, found by comparing the paths that they read and write."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath

import attrs

from pivot_core.errors import PipelineError
from pivot_core.model import GLOB_CHARACTERS, Dep, Stage
from pivot_core.storage.globs import matches


@attrs.frozen
class Graph:
    """Stages and their edges. `upstreams` holds for each stage those it waits for; `order` is a topological order."""

    stages: Mapping[str, Stage]
    upstreams: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    producers: Mapping[str, str]  # out path → stage

    @classmethod
    def of(cls, stages: Mapping[str, Stage]) -> Graph:
        """The graph of `stages`. Raises PipelineError for one that cannot be run, naming all stages at fault."""
        _refuse_like_names(stages)
        producers = _producers(stages)
        _refuse_overlaps(stages, producers)
        paths = sorted(producers)
        upstreams = {name: _upstreams(stage, stages, producers, paths) for name, stage in stages.items()}
        return cls(stages, upstreams, _order(stages, upstreams), producers)

    def with_upstreams(self, names: Iterable[str]) -> tuple[str, ...]:
        """`names` and all that they wait for, in topological order."""
        wanted: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in wanted:
                wanted.add(name)
                todo.extend(self.upstreams[name])
        return tuple(name for name in self.order if name in wanted)

    def downstreams(self) -> dict[str, list[str]]:
        """For each stage, those that wait for it."""
        found: dict[str, list[str]] = {name: [] for name in self.stages}
        for name in self.order:
            for upstream in self.upstreams[name]:
                found[upstream].append(name)
        return found


def above(path: str) -> Iterator[str]:
    """The directories that hold `path`, innermost first."""
    for parent in PurePosixPath(path).parents:
        if parent.name:
            yield parent.as_posix()


def outs_read(dep: Dep, producers: Mapping[str, str], paths: list[str]) -> Iterator[str]:
    """The outs that a dep is, holds, or lies in."""
    if dep.is_glob:
        prefix = _fixed_part(dep.path)
        candidates = [*_inside(prefix, paths), *(path for path in (prefix, *above(prefix)) if path in producers)]
        yield from (path for path in candidates if matches(dep.path, path, directory=True))
        return
    if dep.path in producers:
        yield dep.path
    yield from (place for place in above(dep.path) if place in producers)
    yield from _inside("" if dep.path == "." else dep.path, paths)


def _refuse_like_names(stages: Mapping[str, Stage]) -> None:
    seen: dict[str, Stage] = {}
    for stage in stages.values():
        twin = seen.setdefault(stage.name.casefold(), stage)
        if twin is not stage:
            raise PipelineError(
                f"the stages {twin.name!r} ({twin.location}) and {stage.name!r} differ only in case",
                "Some file systems cannot keep their lock files apart: give one another name.",
                stage.location,
            )


def _producers(stages: Mapping[str, Stage]) -> dict[str, str]:
    producers: dict[str, str] = {}
    for stage in stages.values():
        for out in stage.outs:
            other = producers.setdefault(out.path, stage.name)
            if other != stage.name:
                raise PipelineError(
                    f"two stages write {out.path!r}: {other!r} ({stages[other].location}) and {stage.name!r}",
                    "Let each write a path of its own.",
                    stage.location,
                )
    return producers


def _refuse_overlaps(stages: Mapping[str, Stage], producers: Mapping[str, str]) -> None:
    for path, name in producers.items():
        holder = next((place for place in above(path) if place in producers), None)
        if holder is not None:
            other = producers[holder]
            raise PipelineError(
                f"outs overlap: {path!r} of stage {name!r} lies in {holder!r} of stage {other!r} "
                f"({stages[other].location})",
                "Let no out lie inside another one.",
                stages[name].location,
            )


def _upstreams(
    stage: Stage, stages: Mapping[str, Stage], producers: Mapping[str, str], paths: list[str]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for dep in stage.deps:
        for path in outs_read(dep, producers, paths):
            if producers[path] == stage.name:
                raise PipelineError(
                    f"stage {stage.name!r} reads its own out: dep {dep.path!r}, out {path!r}",
                    "Remove the dep, or write elsewhere.",
                    stages[stage.name].location,
                )
            found[producers[path]] = None
    return tuple(found)


def _fixed_part(pattern: str) -> str:
    parts: list[str] = []
    for part in pattern.split("/"):
        if not GLOB_CHARACTERS.isdisjoint(part):
            break
        parts.append(part)
    return "/".join(parts)


def _inside(directory: str, paths: list[str]) -> Iterator[str]:
    start = f"{directory}/" if directory else ""
    for index in range(bisect_left(paths, start), len(paths)):
        if not paths[index].startswith(start):
            return
        yield paths[index]


def _order(stages: Mapping[str, Stage], upstreams: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Kahn's algorithm; what cannot be ordered holds a cycle."""
    waiting = {name: len(ups) for name, ups in upstreams.items()}
    downstreams: dict[str, list[str]] = {name: [] for name in stages}
    for name, ups in upstreams.items():
        for upstream in ups:
            downstreams[upstream].append(name)
    ready = deque(name for name, count in waiting.items() if count == 0)
    order: list[str] = []
    while ready:
        name = ready.popleft()
        order.append(name)
        for downstream in downstreams[name]:
            waiting[downstream] -= 1
            if waiting[downstream] == 0:
                ready.append(downstream)
    if len(order) < len(stages):
        raise _cycle_error(stages, upstreams, set(stages) - set(order))
    return tuple(order)


def _cycle_error(
    stages: Mapping[str, Stage], upstreams: Mapping[str, tuple[str, ...]], stuck: set[str]
) -> PipelineError:
    name = next(iter(sorted(stuck)))
    walked: list[str] = []
    while name not in walked:
        walked.append(name)
        name = next(upstream for upstream in upstreams[name] if upstream in stuck)
    cycle = [*walked[walked.index(name) :], name][::-1]
    steps = []
    for writer, reader in pairwise(cycle):
        producers = {out.path: writer for out in stages[writer].outs}
        read = [path for dep in stages[reader].deps for path in outs_read(dep, producers, sorted(producers))]
        steps.append(f"  {writer} writes {read[0]}, which {reader} reads ({stages[reader].location})")
    return PipelineError(
        "these stages wait for each other: " + " → ".join(cycle) + "\n" + "\n".join(steps),
        "Take one of these deps away.",
    )
