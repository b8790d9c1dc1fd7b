"""`pivot forget`: remove the lock files of stages that are no longer in the pipeline."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click
from pivot_core.errors import PipelineError
from pivot_core.project import discover

from pivot_cli.session import Notices, Opened, opened, without_preload


@click.command("forget")
@click.argument("stages", nargs=-1)
@click.pass_obj
def command(directory: Path | None, stages: tuple[str, ...]) -> None:
    """Remove the lock files of STAGES that were renamed or removed from the pipeline (default: of all such).

    Outs stay where they are, and those that no stage writes any more are named.
    """
    with opened(without_preload(discover(directory)), Notices()) as here:
        gone = here.workspace.gone()
        chosen = tuple(dict.fromkeys(stages)) or gone
        for stage in chosen:
            if stage not in gone:
                raise _refusal(here, stage, gone)
        for stage in chosen:
            outs = here.workspace.forget(stage)
            stay = f"; its outs stay, and no stage writes them: {', '.join(outs)}" if outs else ""
            click.echo(f"forgot {stage}{stay}")
        if not chosen:
            click.echo("no lock file is of a stage that is gone")


def _refusal(here: Opened, stage: str, gone: Sequence[str]) -> PipelineError:
    if stage in here.workspace.graph.stages:
        return PipelineError(
            f"{stage!r} is a stage of {here.project.settings.pipeline}",
            f"Only stages that are gone are forgotten; `pivot run --force {stage}` runs it anew.",
        )
    close = difflib.get_close_matches(stage, gone, 1)
    hint = f"Did you mean {close[0]!r}?" if close else "`pivot status` names those that are gone."
    return PipelineError(f"no lock file is of a stage {stage!r}", hint)
