"""A run as the command line asks for it: shown, kept in the history, with an answer kept for the next one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import click
from pivot_core.errors import SnapshotError
from pivot_core.interfaces import EventSink
from pivot_core.project import Project
from pivot_core.targets import select
from pivot_exec import build

from pivot_cli.history import History
from pivot_cli.profile import Profile, seconds_since_start
from pivot_cli.reporters.envelopes import Envelopes, Several
from pivot_cli.reporters.loading import redraws
from pivot_cli.session import Opened, opened, opened_to_look


@attrs.frozen
class Wanted:
    """What the command line asks of a run."""

    targets: tuple[str, ...]
    jobs: int | None
    force: bool
    keep_going: bool
    quiet: bool
    as_json: bool
    wait: bool
    debug: bool
    profile: bool
    reload: bool


def run(project: Project, wanted: Wanted) -> int:
    """Bring `project` up to date as far as it is wanted. Returns the exit code. Raises PivotError."""
    profile = Profile() if wanted.profile else None
    try:
        result = _run(project, wanted, profile, reload=wanted.reload)
    except SnapshotError:
        result = _run(project, wanted, profile, reload=True)
    if result.interrupted is not None:
        return 128 + result.interrupted
    return 0 if result.ok else 1


def show_plan(
    directory: Path | None, targets: Sequence[str], *, force: bool, quiet: bool, as_json: bool, reload: bool
) -> None:
    """Show what a run would do, and change nothing. Raises PivotError."""
    from pivot_cli.commands.status import write_plan
    from pivot_cli.lastrun import open_failures

    with opened_to_look(directory, reload=reload) as here:
        chosen = _chosen(here, targets)
        here.workspace.check(chosen)
        plan = here.workspace.plan(chosen, force=chosen if force else ())
        if quiet:
            plan = {name: decision for name, decision in plan.items() if decision.verdict != "up_to_date"}
        write_plan(plan, open_failures(here, plan), as_json=as_json)


def _run(project: Project, wanted: Wanted, profile: Profile | None, *, reload: bool) -> build.RunResult:
    history = History(project)
    began = time.monotonic() - (seconds_since_start() or 0.0)
    with _shown(history.run, wanted) as shown:
        sink = Several([Envelopes(history.run, [history]), *shown])
        with opened(project, sink, debug=wanted.debug, wait=wanted.wait, reload=reload) as here:
            history.attach(here.session.state)
            if profile is not None:
                profile.loaded(here)
            chosen = _chosen(here, wanted.targets)
            graph = here.workspace.graph
            here.workspace.check(chosen)
            result = build.run(
                {name: graph.upstreams[name] for name in graph.with_upstreams(chosen)},
                here.workspace,
                here.executor,
                sink,
                loaded=here.loaded,
                root=project.root,
                jobs=1 if wanted.debug else wanted.jobs or project.settings.jobs or os.process_cpu_count() or 1,
                force=chosen if wanted.force else (),
                keep_going=wanted.keep_going,
                seconds=here.session.state.durations(),
                began=began,
            )
            here.executor.finish()
            history.save()
            here.session.state.sync()
            if result.ok:
                _keep_answer(here, wanted, chosen)
    if profile is not None:
        for line in profile.lines():
            click.echo(line, err=True)
    if result.ok:
        sink.check()
    return result


def _keep_answer(here: Opened, wanted: Wanted, chosen: Sequence[str]) -> None:
    from pivot_cli.standing import keep

    arguments = sys.argv[1:]
    plain = not (wanted.force or wanted.as_json or wanted.debug or wanted.profile)
    keep(here, arguments if plain and arguments[:1] == ["run"] else (), chosen, quiet=wanted.quiet)


def _chosen(here: Opened, targets: Sequence[str]) -> tuple[str, ...]:
    return select(here.workspace.graph, targets, here.project.root, Path.cwd())


@contextmanager
def _shown(run: str, wanted: Wanted) -> Iterator[Sequence[EventSink]]:
    if wanted.as_json:
        from pivot_cli.reporters.jsonl import JsonLines

        yield [Envelopes(run, [JsonLines(sys.stdout)])]
    elif redraws(sys.stdout) and not wanted.debug:
        from rich.console import Console

        from pivot_cli.reporters.live import LiveTable

        with LiveTable(Console(), quiet=wanted.quiet) as table:
            yield [table]
    else:
        from pivot_cli.reporters.plain import Progress, Results

        yield [Results(sys.stdout, quiet=wanted.quiet), Progress(sys.stderr)]
