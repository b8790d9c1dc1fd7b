"""Each stage a task of doit, which depends on the files in PIVOT_CASE_DEPS, or on the file that it stands in."""

import inspect
import os
from pathlib import Path
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

_stages: list[Any] = []
_DEPS = os.environ.get("PIVOT_CASE_DEPS", "").split()


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    _stages.append(function)
    return function


def _task(function: Any) -> dict[str, Any]:
    own = os.path.relpath(inspect.getsourcefile(inspect.unwrap(function)) or "pipeline.py")
    return {"name": function.__name__, "actions": [function], "file_dep": _DEPS or [own]}


def run_all() -> None:
    __import__("pipeline")
    tasks = {
        "task_case": lambda: (_task(function) for function in _stages),
        "DOIT_CONFIG": {"dep_file": str(Path(".doit").resolve())},
    }
    DoitMain(ModuleTaskLoader(tasks)).run(["run"])
