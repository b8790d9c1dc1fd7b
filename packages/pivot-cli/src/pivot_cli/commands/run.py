"""`pivot run`: bring the pipeline up to date."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
from pivot_core.config import Isolation, seconds_of
from pivot_core.errors import SnapshotError
from pivot_core.events import Envelope, Outcome, StageFinished, envelope_to_data
from pivot_core.interfaces import EventSink
from pivot_core.project import Project, discover
from pivot_core.storage.state import StateDB
from pivot_core.targets import select
from pivot_exec.build import RunResult
from pivot_exec.build import run as build

from pivot_cli.commands.status import write_plan
from pivot_cli.profile import Profile
from pivot_cli.reporters.envelopes import Envelopes, Several
from pivot_cli.session import Opened, opened, opened_to_look
from pivot_cli.standing import keep
from pivot_cli.targets import complete


@click.command("run")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("-j", "--jobs", type=click.IntRange(1), help="Stages to run at once (default: the number of CPUs).")
@click.option("-f", "--force", is_flag=True, help="Run the targets (default: all stages) even if nothing changed.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("-k", "--keep-going", is_flag=True, help="After a failure, run what does not depend on it.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines.")
@click.option("--wait", is_flag=True, help="If another run is going on, start after it.")
@click.option(
    "--isolation",
    type=click.Choice(["stage", "worker"]),
    help="A fresh process for each stage, or one that serves many (default: the setting).",
)
@click.option(
    "--keep-warm",
    metavar="TIME",
    callback=lambda _context, _parameter, value: _time(value),
    help="Keep the imported libraries for the next run, for a TIME such as 90s, 10m or 1h (0: no longer).",
)
@click.option("--debug", is_flag=True, help="Run one stage at a time with the terminal attached, for breakpoints.")
@click.option("--profile", "with_profile", is_flag=True, help="Show at the end where the time went.")
@click.option("--reload", is_flag=True, help="Load the pipeline, even if nothing that loading depends on changed.")
@click.pass_obj
def command(
    directory: Path | None,
    targets: tuple[str, ...],
    *,
    jobs: int | None,
    force: bool,
    dry_run: bool,
    keep_going: bool,
    as_json: bool,
    wait: bool,
    isolation: Isolation | None,
    keep_warm: float | None,
    debug: bool,
    with_profile: bool,
    reload: bool,
) -> int:
    """Run the stages that are out of date, and those that TARGETS (stages, globs of them, outs) depend on."""
    if dry_run:
        with opened_to_look(directory, reload=reload) as here:
            chosen = _chosen(here, targets)
            here.workspace.check(chosen)
            plan = here.workspace.plan(chosen, force=chosen if force else ())
            write_plan(plan, as_json=as_json)
        return 0
    project = discover(directory)
    options = {"isolation": isolation, "keep_warm": keep_warm}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    project = attrs.evolve(project, settings=attrs.evolve(project.settings, **given))
    wanted = _Wanted(targets, jobs, force, keep_going, as_json, wait, debug, Profile() if with_profile else None)
    try:
        result = _run(project, wanted, reload=reload)
    except SnapshotError:
        result = _run(project, wanted, reload=True)
    return _exit_code(result)


def _time(text: str | None) -> float | None:
    seconds = None if text is None else seconds_of(text)
    if text is not None and seconds is None:
        raise click.BadParameter(f"{text!r} is no time such as 90s, 10m or 1h")
    return seconds


@attrs.frozen
class _Wanted:
    """What the command line asks of a run."""

    targets: tuple[str, ...]
    jobs: int | None
    force: bool
    keep_going: bool
    as_json: bool
    wait: bool
    debug: bool
    profile: Profile | None


def _run(project: Project, wanted: _Wanted, *, reload: bool) -> RunResult:
    history = _History()
    with _shown(history.run, as_json=wanted.as_json, debug=wanted.debug) as shown:
        sink = Several([Envelopes(history.run, [history]), *shown])
        with opened(project, sink, debug=wanted.debug, wait=wanted.wait, reload=reload) as here:
            if wanted.profile is not None:
                wanted.profile.loaded(here)
            chosen = _chosen(here, wanted.targets)
            graph = here.workspace.graph
            here.workspace.check(chosen)
            result = build(
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
            )
            history.save(here.session.state)
            if result.ok:
                _keep_answer(here, wanted, chosen)
    if wanted.profile is not None:
        for line in wanted.profile.lines():
            click.echo(line, err=True)
    if result.ok:
        sink.check()
    return result


def _keep_answer(here: Opened, wanted: _Wanted, chosen: Sequence[str]) -> None:
    arguments = sys.argv[1:]
    plain = not (wanted.force or wanted.as_json or wanted.debug or wanted.profile)
    keep(here, arguments if plain and arguments[:1] == ["run"] else (), chosen)


def _chosen(here: Opened, targets: Sequence[str]) -> tuple[str, ...]:
    return select(here.workspace.graph, targets, here.project.root, Path.cwd())


def _exit_code(result: RunResult) -> int:
    if result.interrupted is not None:
        return 128 + result.interrupted
    return 0 if result.ok else 1


@contextmanager
def _shown(run: str, *, as_json: bool, debug: bool) -> Iterator[Sequence[EventSink]]:
    if as_json:
        from pivot_cli.reporters.jsonl import JsonLines

        yield [Envelopes(run, [JsonLines(sys.stdout)])]
    elif sys.stdout.isatty() and not debug:
        from rich.console import Console

        from pivot_cli.reporters.live import LiveTable

        with LiveTable(Console()) as table:
            yield [table]
    else:
        from pivot_cli.reporters.plain import Progress, Results

        yield [Results(sys.stdout), Progress(sys.stderr)]


class _History:
    """Keeps the events of a run in the state database, if the run did anything."""

    def __init__(self) -> None:
        self.run = uuid.uuid4().hex
        self._envelopes: list[Envelope] = []
        self._did_something = False

    def send(self, envelope: Envelope) -> None:
        self._envelopes.append(envelope)
        event = envelope.event
        self._did_something |= isinstance(event, StageFinished) and event.outcome is not Outcome.UP_TO_DATE

    def save(self, state: StateDB) -> None:
        if self._did_something:
            state.add_events((item.run, item.sequence, envelope_to_data(item)) for item in self._envelopes)
            state.forget_old_runs()
