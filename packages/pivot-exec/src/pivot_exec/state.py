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

    def __init__(self, functions: Iterable[Callable[..., object]]) -> None:
        gc.freeze()
        self._watch = Watch(_project_modules(), [*functions, *_options()])
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
        if not child.complete_files() or self._patches.found() or self._leftovers.found() or self._watch.changed():
            return False
        new = self._modules.new()
        if any(is_frozen(sys.modules.get(name)) for name in new):
            return False
        # What an import did, the next stage would not get by importing the same again.
        if new and self._resets.changed():
            return False
        return self._resets.put_back()


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
            ("decimal", "DefaultContext"),
        )
    )
    return [options for options in found if options is not None]
