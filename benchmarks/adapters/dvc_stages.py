"""Each stage a stage of DVC, which depends on the files in PIVOT_CASE_DEPS, or on the file that it stands in."""

import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

_stages: list[tuple[Any, Any]] = []
_DEPS = os.environ.get("PIVOT_CASE_DEPS", "").split()


def stage(function: Any = None, *, outs: Any = (), **_options: Any) -> Any:
    if function is None:
        return lambda decorated: stage(decorated, outs=outs)
    _stages.append((function, outs))
    return function


def _stage(function: Any, outs: Any) -> dict[str, Any]:
    own = os.path.relpath(inspect.getsourcefile(inspect.unwrap(function)) or "pipeline.py")
    call = f"import {function.__module__} as m; m.{function.__name__}()"
    return {"cmd": f'python -c "{call}"', "deps": _DEPS or [own], "outs": list(outs)}


def run_all() -> None:
    __import__("pipeline")
    stages = {function.__name__: _stage(function, outs) for function, outs in _stages}
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}), "utf-8")
    if not Path(".dvc").exists():
        _dvc("init", "--quiet", "--no-scm")
    _dvc("repro", "--quiet")


def _dvc(*arguments: str) -> None:
    """Run a command of DVC in this process, which saves another import of it."""
    from dvc.cli import main

    if status := main(list(arguments)):
        sys.exit(status)
