"""After a run that left everything up to date: work out the standing answer, and all that it rests on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pivot_core.decide import Decision
from pivot_core.errors import PivotError
from pivot_core.events import Notice, Outcome, StageFinished
from pivot_core.observation import first_change, paths
from pivot_core.project import OWN_PACKAGES, discover
from pivot_core.snapshot import settings_of
from pivot_core.storage.gitignore import git_marks
from pivot_core.storage.looks import Looks

from pivot_cli import answer, wording
from pivot_cli.commands.status import plan_lines
from pivot_cli.reporters import lines
from pivot_cli.session import Opened

_FEW = 500  # stages: to look at so many takes no longer than to start a command
_TRIES = 2  # the second after what has just been written had time to rest


def keep(here: Opened, arguments: Sequence[str], chosen: Sequence[str], *, quiet: bool = False) -> None:
    """Keep the answer to `run`, `status` and the command line `arguments` (if there are any), which asked for `chosen`.

    Keeps none if not everything is up to date, by one more look at all of it, or if that could change unseen. After a
    run of some of many stages it does not look at the others: then, and if these are not up to date, it keeps the
    answer to `arguments` alone.
    """
    graph = here.workspace.graph
    stages = graph.with_upstreams(chosen)
    are_all = len(stages) == len(graph.stages)
    asked = {tuple(arguments): _run_words(stages, quiet=quiet)} if arguments else {}
    # Where the answer still holds nothing has changed: it would only be lost.
    if are_all or len(graph.stages) <= _FEW or answer.holds(str(here.project.root), ("run",)):
        is_kept = _keep(here, graph.order, asked)
        if is_kept or are_all:
            return
    if asked:
        _keep(here, stages, asked)


def _keep(here: Opened, stages: Sequence[str], asked: Mapping[tuple[str, ...], str]) -> bool:
    """Keep the answer if `stages` are up to date, to what was asked too; whether it is kept."""
    for _ in range(_TRIES):
        looks = here.session.take_notes()
        plan = _looked(here, stages, looks)
        if plan is None:
            return False
        if not looks.newest:
            return _write(here, looks, plan, asked)
        if not here.session.wait_past(looks.newest):
            return False
    return False


def _looked(here: Opened, stages: Sequence[str], looks: Looks) -> dict[str, Decision] | None:
    """What is decided about `stages` now: None if not all are up to date."""
    observed = here.loaded.observed
    if observed is None or observed.problem:
        return None
    read = {*observed.files, *observed.listed, *observed.searched, *(paths(observed) - observed.looked_up.keys())}
    for path in (*read, *_own_files(), *_settings(here.project.root), *map(os.path.abspath, sys.path)):
        looks.at(path)
    for path, seen in observed.looked_up.items():
        (looks.at if "stat" in seen.partition(" ")[0] else looks.there)(path)
    for mark in git_marks(here.project.root):
        looks.there(str(mark))
    for directory in {os.path.dirname(out) for out in here.workspace.graph.producers}:  # noqa: PTH120 - for every out
        looks.at(str(here.project.root / directory / ".gitignore"))
    try:
        if first_change(observed, here.project) or settings_of(discover(here.project.root)) != settings_of(
            here.project
        ):
            return None
        plan = here.workspace.plan(stages)
    except PivotError:
        return None
    return plan if all(decision.verdict == "up_to_date" for decision in plan.values()) else None


def _write(here: Opened, looks: Looks, plan: dict[str, Decision], asked: Mapping[tuple[str, ...], str]) -> bool:
    assert here.loaded.observed is not None
    words: dict[tuple[str, ...], str] = {}
    if len(plan) == len(here.workspace.graph.stages):
        status = "".join(f"{line}\n" for line in plan_lines(plan, {}))
        words |= {("run",): _run_words(plan), ("status",): status, ("status", "--check"): status}
    words |= asked
    gone = here.workspace.gone_message()
    notices = "".join(f"{lines.notice(Notice(text))}\n" for text in (*here.loaded.notices, *([gone] if gone else ())))
    root, variables = str(here.project.root), here.loaded.observed.variables
    try:
        answer.write(root, words, notices, variables, tuple(looks.followed.items()), tuple(looks.links.items()))
    except (OSError, OverflowError):
        return False  # the next command takes its ordinary way
    return True


def _run_words(stages: Iterable[str], *, quiet: bool = False) -> str:
    """What a run of `stages` prints that finds all of them up to date."""
    stages = tuple(stages)
    width = lines.name_width(stages)
    rows = [] if quiet else [lines.stage_line(StageFinished(stage, Outcome.UP_TO_DATE), width) for stage in stages]
    counts = {Outcome.UP_TO_DATE.value: len(stages)}
    summary = lines.summary_text(counts, answer.TIME, wording.seconds(0.0), answer.TIME)
    return "".join(f"{line}\n" for line in (*rows, summary))


def _own_files() -> Iterator[str]:
    """The files of Pivot itself, as far as they are in use."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OWN_PACKAGES and (file := getattr(module, "__file__", None)):
            yield file


def _settings(root: Path) -> Iterator[str]:
    """What decides which project this is and how it is set."""
    for name in ("pipeline.py", "__init__.py", "pyproject.toml", ".pivot/config.yaml"):
        yield str(root / name)
