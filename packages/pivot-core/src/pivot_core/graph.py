"""The graph of a pipeline: which stages wait for which, told from the paths that they read and write.

A stage waits for another where one of its deps is an out of the other, lies in one, holds one, or is a glob that one
could match.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Self

import attrs

from pivot_core.errors import PipelineError
from pivot_core.model import GLOB_CHARACTERS, Dep, Stage


def guess_directory(path: str) -> bool:
    """Whether an out is probably a directory: its name has no suffix. Only globs with `**` need to know."""
    return "." not in path.rpartition("/")[2].lstrip(".")


@attrs.frozen
class Graph:
    """The stages in order of declaration, those that each waits for directly, and all in an order that works."""

    stages: Mapping[str, Stage] = attrs.field(hash=False)
    upstreams: Mapping[str, tuple[str, ...]] = attrs.field(hash=False)
    order: tuple[str, ...]
    producers: Mapping[str, str] = attrs.field(hash=False)  # the stage that writes each out

    @classmethod
    def of(cls, stages: Mapping[str, Stage], is_directory: Callable[[str], bool] = guess_directory) -> Self:
        """The graph of `stages`, keyed by name. Raises PipelineError where outs collide or stages wait in a circle."""
        producers = _producers(stages)
        outs = _Outs(producers, is_directory)
        edges = {name: _edges(stage, outs) for name, stage in stages.items()}
        upstreams = {name: tuple(found) for name, found in edges.items()}
        return cls(stages, upstreams, _sorted(stages, edges), producers)

    def with_upstreams(self, names: Collection[str]) -> tuple[str, ...]:
        """`names` and all that they wait for, directly or not, in an order that works."""
        reached, todo = set(names), list(names)
        while todo:
            for upstream in self.upstreams[todo.pop()]:
                if upstream not in reached:
                    reached.add(upstream)
                    todo.append(upstream)
        return tuple(name for name in self.order if name in reached)


class _Outs:
    """Finds the outs that a dep can come from, without looking at each."""

    def __init__(self, producers: Mapping[str, str], is_directory: Callable[[str], bool]) -> None:
        self._producers = producers
        self._sorted = sorted(producers)
        self._is_directory = is_directory

    def of(self, dep: Dep) -> Iterator[tuple[str, str]]:
        """Each out that `dep` overlaps, with its stage."""
        found = self._matching(dep.path) if dep.is_glob else self._overlapping(dep.path)
        return ((out, self._producers[out]) for out in found)

    def _overlapping(self, path: str) -> Iterator[str]:
        if path == ".":
            yield from self._sorted
            return
        yield from (place for place in _upwards(path) if place in self._producers)
        yield from self._starting_with(f"{path}/")

    def _matching(self, pattern: str) -> Iterator[str]:
        from pivot_core.storage.globs import matches

        literal = pattern[: next(at for at, character in enumerate(pattern) if character in GLOB_CHARACTERS)]
        fixed = literal.rpartition("/")[0]
        above = [place for place in _upwards(fixed) if place in self._producers] if fixed else []
        for out in [*above, *self._starting_with(literal)]:
            if matches(pattern, out, directory=self._is_directory(out)):
                yield out

    def _starting_with(self, prefix: str) -> Iterator[str]:
        for at in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[at].startswith(prefix):
                return
            yield self._sorted[at]


def _producers(stages: Mapping[str, Stage]) -> dict[str, str]:
    producers: dict[str, str] = {}
    folded: dict[str, str] = {}
    for stage in stages.values():
        for out in stage.outs:
            other = producers.get(out.path)
            if other is not None:
                raise _collision(f"two stages write {out.path!r}", stages[other], stage)
            alike = folded.setdefault(out.path.casefold(), out.path)
            if alike != out.path:
                raise _collision(
                    f"the outs {alike!r} and {out.path!r} differ only in case, so many systems take them for one",
                    stages[producers[alike]],
                    stage,
                )
            producers[out.path] = stage.name
    for path, name in producers.items():
        for place in _upwards(path):
            if place != path and place in producers:
                raise _collision(
                    f"the out {path!r} lies inside the out {place!r}", stages[producers[place]], stages[name]
                )
    return producers


def _collision(message: str, first: Stage, second: Stage) -> PipelineError:
    if first is second:
        return PipelineError(f"stage {first.name!r}: {message}", "Declare only one of them.", first.location)
    return PipelineError(
        f"{message}: {_shown(first)} and {_shown(second)}",
        "Let each stage write a place of its own.",
        second.location,
    )


def _shown(stage: Stage) -> str:
    return f"{stage.name!r} ({stage.location})"


def _edges(stage: Stage, outs: _Outs) -> dict[str, tuple[str, str]]:
    """The stages that `stage` waits for, each with a dep and the out that it comes from."""
    edges: dict[str, tuple[str, str]] = {}
    for dep in stage.deps:
        for out, producer in outs.of(dep):
            if producer == stage.name:
                what = (
                    f"{out!r} is a dep and an out"
                    if out == dep.path
                    else f"its dep {dep.path!r} takes in its out {out!r}"
                )
                raise PipelineError(
                    f"stage {stage.name!r} reads what it writes: {what}",
                    "A stage cannot wait for itself: write elsewhere, or name the deps more narrowly.",
                    stage.location,
                )
            edges.setdefault(producer, (dep.path, out))
    return edges


def _sorted(stages: Mapping[str, Stage], edges: Mapping[str, Mapping[str, tuple[str, str]]]) -> tuple[str, ...]:
    waiting = {name: len(upstreams) for name, upstreams in edges.items()}
    downstreams: dict[str, list[str]] = {name: [] for name in stages}
    for name, upstreams in edges.items():
        for upstream in upstreams:
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
        raise _cycle(stages, edges, {name for name, count in waiting.items() if count})
    return tuple(order)


def _cycle(
    stages: Mapping[str, Stage], edges: Mapping[str, Mapping[str, tuple[str, str]]], stuck: Collection[str]
) -> PipelineError:
    """Each stage that is stuck waits for another that is: going on from one must come round."""
    name = next(name for name in stages if name in stuck)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = next(upstream for upstream in edges[name] if upstream in stuck)
    circle = path[path.index(name) :]
    lines = [
        f"  {_shown(stages[one])} reads {edges[one][other][0]!r}, which comes from {other!r}"
        for one, other in zip(circle, [*circle[1:], circle[0]], strict=True)
    ]
    return PipelineError(
        "the stages wait for each other in a circle:\n" + "\n".join(lines),
        "Let one of them read or write something else.",
        stages[circle[0]].location,
    )


def _upwards(path: str) -> Iterator[str]:
    """`path` and the directories that it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]
