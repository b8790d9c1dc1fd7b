"""Each stage a redun task, in a workflow that calls them all."""

from typing import Any

import redun
from redun.config import Config

_stages: list[Any] = []


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    task = redun.task(namespace="cases")(function)
    _stages.append(task)
    return task


def run_all() -> None:
    __import__("pipeline")
    scheduler = redun.Scheduler(config=Config({"backend": {"db_uri": "sqlite:///redun.db"}}))
    scheduler.load()
    scheduler.run([task() for task in _stages])
