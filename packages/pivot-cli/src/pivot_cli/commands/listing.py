"""`pivot list`: the stages and where they are."""

from __future__ import annotations

from pathlib import Path

import click

from pivot_cli.reporters.lines import name_width, padded
from pivot_cli.session import opened_to_look


@click.command("list")
@click.pass_obj
def command(directory: Path | None) -> None:
    """List the stages, each with the line that declares it."""
    with opened_to_look(directory) as here:
        graph = here.workspace.graph
    width = name_width(graph.order)
    for name in graph.order:
        click.echo(f"{padded(name, width)}  {graph.stages[name].location}")
