"""The stage model, planning and records of Pivot, and the seams between its parts.

What a runner of your own needs is here: discover a project, load its pipeline, ask what is stale and why, record.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pivot_core.decide import Decision, Present
    from pivot_core.declare import stage
    from pivot_core.errors import BusyError, PipelineError, PivotError, ProjectError
    from pivot_core.graph import Graph
    from pivot_core.interfaces import (
        Executor,
        Finished,
        Limits,
        Loaded,
        Loader,
        Lost,
        Started,
        Task,
        Withdrawn,
        Written,
    )
    from pivot_core.load import InlineLoader, load_here
    from pivot_core.model import Dep, FileState, FunctionAction, Location, Out, Record, Stage
    from pivot_core.project import Project, discover
    from pivot_core.session import Session
    from pivot_core.targets import select
    from pivot_core.workspace import Workspace

# Imported where they are used first: a stage's process needs few of them, and pays for each.
_HOMES = {
    "decide": ("Decision", "Present"),
    "declare": ("stage",),
    "errors": ("BusyError", "PipelineError", "PivotError", "ProjectError"),
    "graph": ("Graph",),
    "interfaces": (
        "Executor",
        "Finished",
        "Limits",
        "Loaded",
        "Loader",
        "Lost",
        "Started",
        "Task",
        "Withdrawn",
        "Written",
    ),
    "load": ("InlineLoader", "load_here"),
    "model": ("Dep", "FileState", "FunctionAction", "Location", "Out", "Record", "Stage"),
    "project": ("Project", "discover"),
    "session": ("Session",),
    "targets": ("select",),
    "workspace": ("Workspace",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BusyError",
    "Decision",
    "Dep",
    "Executor",
    "FileState",
    "Finished",
    "FunctionAction",
    "Graph",
    "InlineLoader",
    "Limits",
    "Loaded",
    "Loader",
    "Location",
    "Lost",
    "Out",
    "PipelineError",
    "PivotError",
    "Present",
    "Project",
    "ProjectError",
    "Record",
    "Session",
    "Stage",
    "Started",
    "Task",
    "Withdrawn",
    "Workspace",
    "Written",
    "discover",
    "load_here",
    "select",
    "stage",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
