"""Each stage a node of a Hamilton graph, with its cache."""

from typing import Any

from hamilton import ad_hoc_utils, driver

_stages: list[Any] = []


def stage(function: Any = None, **_options: Any) -> Any:
    if function is None:
        return stage
    function.__annotations__["return"] = object
    _stages.append(function)
    return function


def run_all() -> None:
    __import__("pipeline")
    nodes = ad_hoc_utils.create_temporary_module(*_stages)
    graph = driver.Builder().with_modules(nodes).with_cache(path=".cache").build()
    graph.execute([function.__name__ for function in _stages])
