"""Stage names for the shell's completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The stages that have a lock file: reading their names is quick, loading the pipeline would not be."""
    from pivot_core.errors import PivotError
    from pivot_core.project import discover
    from pivot_core.storage.lockfile import LockFiles

    root = ctx.find_root()
    try:
        project = discover(root.params.get("directory"))
    except PivotError:
        return []
    return [name for name in LockFiles(project.directory / "stages").stages() if name.startswith(incomplete)]
