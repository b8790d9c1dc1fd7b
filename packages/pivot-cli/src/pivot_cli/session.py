"""A project that is open for a command: discovered, loaded and ready to plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import click
from pivot_core.interfaces import Loaded
from pivot_core.project import Project, discover
from pivot_core.workspace import Storage, Workspace
from pivot_exec.local import LocalExecutor


@attrs.frozen
class Session:
    project: Project
    storage: Storage
    executor: LocalExecutor
    loaded: Loaded
    workspace: Workspace


def found(directory: Path | None) -> Project:
    """The project that `directory` (default: the working directory) lies in. Raises ProjectError."""
    return discover(directory)


@contextmanager
def opened(
    project: Project,
    *,
    debug: bool = False,
    notice: Callable[[str, str], None] = lambda message, stage: show_notice(message, stage),
) -> Iterator[Session]:
    """Load `project` in processes of its own, which end with the context. Raises PivotError."""
    with (
        Storage.open(project) as storage,
        LocalExecutor(project, storage.store, storage.hasher, debug=debug) as executor,
    ):
        loaded = executor.load(project)
        for message in loaded.notices:
            notice(message, "")
        yield Session(project, storage, executor, loaded, Workspace(project, storage, loaded, notice))


@contextmanager
def opened_to_look(directory: Path | None) -> Iterator[Session]:
    """A session for commands that run nothing, so that no library is imported for the stages."""
    project = found(directory)
    quick = attrs.evolve(project, settings=attrs.evolve(project.settings, preload="none"))
    with opened(quick) as session:
        yield session


def show_notice(message: str, stage: str) -> None:
    click.echo(f"note: {stage}: {message}" if stage else f"note: {message}", err=True)
