"""`pivot export`: the pipeline as a dvc.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pivot_cli.session import opened_to_look


@click.command("export")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write (default: dvc.yaml in the root)."
)
@click.option("-f", "--force", is_flag=True, help="Replace a file that Pivot did not write.")
@click.pass_obj
def command(directory: Path | None, output: Path | None, *, force: bool) -> None:
    """Write the pipeline as a dvc.yaml whose stages call `pivot run`."""
    from pivot_dvc.export import export, inputs_of_loading, write

    with opened_to_look(directory) as here:
        root = here.project.root
        target = Path(os.path.abspath(output)) if output else root / "dvc.yaml"  # noqa: PTH100 - a link stays as it is
        wdir = Path(os.path.relpath(root, target.parent)).as_posix()
        loaded = here.loaded
        inputs = inputs_of_loading(loaded.observed, loaded.code.values(), root)
        text = export(loaded.stages, loaded.code, here.workspace.files_read, wdir, inputs)
    write(target, text, force=force)
    click.echo(f"wrote {here.project.shown(target)}")
