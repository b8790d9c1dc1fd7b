"""A project that is open for a command: discovered, loaded and ready to plan."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
import click
from pivot_core import snapshot, volatile
from pivot_core.config import misspelt
from pivot_core.events import Event, LoadFinished, LoadStarted, Notice
from pivot_core.interfaces import EventSink, Loaded
from pivot_core.model import Digest
from pivot_core.project import OWN_PACKAGES, Project, discover
from pivot_core.session import Session
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.state import StateDB
from pivot_core.workspace import Workspace
from pivot_exec.local import LocalExecutor

from pivot_cli.reporters import lines
from pivot_cli.reporters.loading import LoadingLine

_LATE = "late modules"
_OF_COMMANDS = OWN_PACKAGES | {"click", "rich"}


@attrs.frozen
class Opened:
    project: Project
    session: Session
    executor: LocalExecutor
    loaded: Loaded
    workspace: Workspace


class Notices:
    """An `EventSink` for commands that run nothing: notices go to stderr, and a long load is shown while it lasts."""

    def __init__(self) -> None:
        self._loading = LoadingLine(sys.stderr)

    def emit(self, event: Event) -> None:
        self._loading.emit(event)
        if isinstance(event, Notice):
            click.echo(lines.notice(event), err=True)


@contextmanager
def opened(
    project: Project,
    sink: EventSink,
    *,
    debug: bool = False,
    readonly: bool = False,
    wait: bool = False,
    reload: bool = False,
) -> Iterator[Opened]:
    """Load `project` in processes of its own, which end with the context. Raises PivotError.

    It is not loaded where that would give the same as before, unless `reload`.
    """
    with (
        Session(project, readonly=readonly, wait=wait) as session,
        _executor(project, session, sink, debug=debug) as executor,
    ):
        known = None if reload else snapshot.recall(session.state, project, digest=_digest_by(session.hasher))
        loaded = known or executor.load(project)
        if known is None and not readonly:
            volatile.save(session.state, loaded.compared)
        for message in (*misspelt(os.environ), *loaded.notices):
            sink.emit(Notice(message))
        late = executor.late
        yield Opened(project, session, executor, loaded, Workspace(project, loaded, session=session, sink=sink))
        if executor.late != late:
            session.state.save_fact(_LATE, json.dumps(executor.late).encode())
        if known is None and not readonly:
            snapshot.save(session.state, project, loaded)


def _executor(project: Project, session: Session, sink: EventSink, *, debug: bool) -> LocalExecutor:
    return LocalExecutor(
        project,
        session.store,
        debug=debug,
        compared=volatile.recall(session.state),
        late=_late(session.state),
        command=[*(name for name in sys.modules if name.partition(".")[0] in _OF_COMMANDS), "pivot_cli.standing"],
        loading=partial(_loading, project, sink, readonly=session.readonly),
    )


def _late(state: StateDB) -> list[str]:
    """The modules that libraries were seen to import late, in earlier runs."""
    try:
        names = json.loads(state.fact(_LATE) or b"[]")
    except ValueError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


@contextmanager
def _loading(project: Project, sink: EventSink, *, readonly: bool) -> Iterator[None]:
    began = time.monotonic()
    sink.emit(LoadStarted(project.settings.pipeline))
    if not readonly:
        # What the end of a run needs. Here there is nothing else to do; there everything waits for it.
        importlib.import_module("pivot_cli.standing")
    try:
        yield
    finally:
        sink.emit(LoadFinished(time.monotonic() - began))


def _digest_by(hasher: Hasher) -> Callable[[str], Digest]:
    """Digests of files, which are not read where their stamps tell."""

    def digest(path: str) -> Digest:
        state = hasher.state(path)
        return "" if state is None else state.digest

    return digest


@contextmanager
def opened_to_look(directory: Path | None, *, reload: bool = False) -> Iterator[Opened]:
    """For commands that run nothing: nothing is written, and no library is imported for the stages."""
    with opened(without_preload(discover(directory)), Notices(), readonly=True, reload=reload) as here:
        yield here


def without_preload(project: Project) -> Project:
    """For commands that run no stages: no library is imported for them."""
    return attrs.evolve(project, settings=attrs.evolve(project.settings, preload="none", keep_warm=None))
