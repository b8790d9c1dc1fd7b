"""Each stage a task of pytask, in the file that it stands in."""

from pathlib import Path
from typing import Any

import pytask


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    return pytask.task(function)


def run_all() -> None:
    files = ["pipeline.py"]
    pytask.build(paths=[Path(name).resolve() for name in files], task_files=files, verbose=0)
