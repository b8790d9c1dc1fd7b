"""`pivot run`: bring the pipeline up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click
from pivot_core.config import Isolation, seconds_of
from pivot_core.project import discover
from pivot_exec import starting

from pivot_cli.targets import complete


class _Count(click.IntRange):
    name = "whole number"


@click.command("run")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("-j", "--jobs", metavar="N", type=_Count(1), help="Stages to run at once (default: the number of CPUs).")
@click.option("-f", "--force", is_flag=True, help="Run the targets (default: all stages) even if nothing changed.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("-k", "--keep-going", is_flag=True, help="After a failure, run what does not depend on it.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of stages that are up to date.")
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
    quiet: bool,
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
        from pivot_cli import running

        running.show_plan(directory, targets, force=force, quiet=quiet, as_json=as_json, reload=reload)
        return 0
    project = discover(directory)
    options = {"isolation": isolation, "keep_warm": keep_warm}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    project = attrs.evolve(project, settings=attrs.evolve(project.settings, **given))
    starting.prepare_early(project)
    from pivot_cli import running  # while libraries are imported over there

    wanted = running.Wanted(targets, jobs, force, keep_going, quiet, as_json, wait, debug, with_profile, reload)
    return running.run(project, wanted)


def _time(text: str | None) -> float | None:
    seconds = None if text is None else seconds_of(text)
    if text is not None and seconds is None:
        raise click.BadParameter(f"{text!r} is no time such as 90s, 10m or 1h")
    return seconds
