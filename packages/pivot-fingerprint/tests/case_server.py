"""Loads projects in forked children and answers with the fingerprints of their stages: one line of JSON in, one out.

    {"root": directory, "run": bool} → {"stages": {name: stored fingerprint}, "error": traceback or ""}

Importing is done by children, so that each project is loaded in a fresh process, and forking them costs little.
"""

import json
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any

from pivot_fingerprint import Fingerprinter, Project

_STAGES: dict[str, tuple[Any, dict[str, Any]]] = {}


def _stage(function: Any = None, **options: Any) -> Any:
    """Stands in for the decorator of a tool that uses the library."""
    if function is None:
        return lambda decorated: _stage(decorated, **options)
    _STAGES[options.get("name") or function.__name__] = function, options
    return function


def _named(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("code_deps", "ignore_code") if name in options}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    root = Path(request["root"])
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True
    os.dup2(2, 1)
    tool = types.ModuleType("pivot")
    tool.stage = _stage  # type: ignore[attr-defined] # what the projects import from it
    _stage.__module__ = "pivot"
    sys.modules["pivot"] = tool
    try:
        __import__("pipeline")
        prints = Fingerprinter(Project(root, ignore_packages={"pivot"}))
        stages = {
            name: prints.fingerprint(function, **_named(options)).to_data()
            for name, (function, options) in _STAGES.items()
        }
        if request.get("run"):
            for function, options in _STAGES.values():
                function(**options.get("params", {}))
    except BaseException:  # noqa: BLE001 # whatever it is, the test wants to see it
        return {"stages": {}, "error": traceback.format_exc()}
    return {"stages": stages, "error": ""}


def main() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            with os.fdopen(writer, "w") as out:
                out.write(json.dumps(_answer(json.loads(line))))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as inp:
            answer = inp.read()
        os.waitpid(child, 0)
        print(answer or '{"stages": {}, "error": "the child died"}', flush=True)


main()
