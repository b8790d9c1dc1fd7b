"""What a process is before its first stage, and whether it is that again after each."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from types import ModuleType

from pivot_core.frozen import is_frozen

from pivot_exec import child, patches, resets
from pivot_exec.leftovers import Leftovers, Modules
from pivot_exec.watch import Watch


class State:
    """This process as it is when this is made, before its first stage."""

    def __init__(self, watch: Watch) -> None:
        gc.freeze()
        self._watch = watch
        self._modules = Modules()
        self._resets = resets.Resets()
        self._leftovers = Leftovers()
        self._patches = patches.watching()
        self._patches.begin()

    def stage_begins(self) -> None:
        self._resets.stage_begins()

    def is_restored(self) -> bool:
        """Bring this process back to that state; whether that was possible."""
        try:
            return self._is_restored()
        except Exception:  # noqa: BLE001 - a stage may have broken what this needs: no open file is left, say
            return False

    def _is_restored(self) -> bool:
        resets.stop_timers()
        new = self._modules.new()
        if new:
            gc.collect()  # what the stage has left in cycles; the rest of what is there will be left alone, see below
        if (
            child.keeps_files()
            or not child.complete_files()
            or self._patches.found()
            or self._leftovers.found()
            or self._watch.changed()
        ):
            return False
        if any(is_frozen(sys.modules.get(name)) for name in new):
            return False
        # What an import did, the next stage would not get by importing the same again.
        if new and self._resets.changed():
            return False
        if not self._resets.put_back():
            return False
        if new:
            self._accept_modules()
        return True

    def _accept_modules(self) -> None:
        """What libraries have imported late is there for all stages to come."""
        self._modules = Modules()
        self._patches.begin()
        gc.freeze()


def watch(functions: Iterable[Callable[..., object]]) -> Watch:
    """Of all that stages share in this process and its forks: what the project's modules hold, and options."""
    return Watch(_project_modules(), [*functions, *_options()])


def _project_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if is_frozen(module)}


def _options() -> list[object]:
    """What libraries keep of the options that were set."""
    found = (
        getattr(sys.modules.get(module), name, None)
        for module, name in (
            ("pandas._config.config", "_global_config"),
            ("matplotlib", "rcParams"),
            ("sklearn._config", "_global_config"),
            ("sklearn._config", "_threadlocal"),
        )
    )
    return [options for options in found if options is not None]
