"""`pivot check`: what in the code of stages cannot be followed exactly."""

from __future__ import annotations

import json
from pathlib import Path

import click
from pivot_core.targets import select

from pivot_cli.app import STALE
from pivot_cli.coarse import coarse, to_data, to_lines
from pivot_cli.session import opened_to_look
from pivot_cli.targets import complete

_ALL_FOLLOWED = (
    "All code is followed exactly.\n"
    "Only code was checked: files that a stage reads must be in its deps, and so must the programs that it starts."
)


@click.command("check")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("--json", "as_json", is_flag=True, help="Print the same as data.")
@click.pass_obj
def command(directory: Path | None, targets: tuple[str, ...], *, as_json: bool) -> int:
    """List the code of the TARGETS (default: all stages) that cannot be followed exactly, such as getattr with a
    computed name, and what counts in its place. Exit with 3 if there is any."""
    with opened_to_look(directory) as here:
        chosen = select(here.workspace.graph, targets, here.project.root, Path.cwd())
        found = coarse(here.loaded.code, chosen)
    if as_json:
        click.echo(json.dumps(to_data(found), indent=2))
    else:
        click.echo("\n".join(to_lines(found)) or _ALL_FOLLOWED)
    return STALE if found else 0
