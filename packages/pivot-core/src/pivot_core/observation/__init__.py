"""What loading a pipeline depended on: observed while it is loaded, compared before it is loaded again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pivot_core.observation.always import always_now
    from pivot_core.observation.check import first_change, paths
    from pivot_core.observation.model import Observed, Searched
    from pivot_core.observation.observer import Observer

# Imported where they are used first: comparing needs nothing of what observing does.
_HOME_OF = {
    "Observed": "model",
    "Observer": "observer",
    "Searched": "model",
    "always_now": "always",
    "first_change": "check",
    "paths": "check",
}

__all__ = ["Observed", "Observer", "Searched", "always_now", "first_change", "paths"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
