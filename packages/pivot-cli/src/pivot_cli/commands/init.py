"""`pivot init`: make a directory a project."""

from __future__ import annotations

from pathlib import Path

import click
from pivot_core.project import PIVOT_DIRECTORY
from pivot_core.storage.gitignore import ensure_own_rules


@click.command("init")
@click.pass_obj
def command(directory: Path | None) -> None:
    """Create .pivot/ with its .gitignore; `pivot run` does it by itself."""
    place = (directory or Path.cwd()) / PIVOT_DIRECTORY
    there = place.is_dir()
    ensure_own_rules(place)
    click.echo(f"{place} was there already" if there else f"created {place}")
