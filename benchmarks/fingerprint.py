"""How long fingerprints take: many stages that share helpers, and one long module.

    python benchmarks/fingerprint.py

Each figure is the best of several runs, on top of the imports, parsing included.
"""

import ast
import gc
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pivot_fingerprint import Fingerprinter, Project

ROUNDS = 5


def stages_source(count: int) -> str:
    """A pipeline of `count` stages which call helpers of a module."""
    lines = ["import shared", ""]
    for i in range(count):
        lines += [f"def stage_{i}():", f"    return shared.helper_{i % 40}({i})", ""]
    return "\n".join(lines)


def helpers_source(count: int) -> str:
    """Helpers that call each other in chains of ten."""
    lines = ["SCALE = 2", ""]
    for i in range(count):
        following = f"helper_{i + 1}(x)" if i % 10 < 9 else "SCALE"
        lines += [
            f"def helper_{i}(x):",
            f"    values = [x * k for k in range({i})]",
            f"    return sum(values) + {following}",
            "",
        ]
    return "\n".join(lines)


def long_source(lines: int) -> str:
    """One module of about this many lines, all of which one function reaches."""
    count = lines // 6
    out = ["import math", ""]
    for i in range(count):
        out += [
            f"def f{i}(x, y=2, *args):",
            f"    z = x * {i} + y",
            "    for k in range(10):",
            f"        z += f{i + 1}(k, z) if k % 2 else math.floor(z / (k + 1))" if i + 1 < count else "        z += k",
            "    return {'a': z, 'b': [q + 1 for q in range(z)]}",
            "",
        ]
    return "\n".join(out)


def load(root: Path, name: str, source: str) -> types.ModuleType:
    """Write the module and import it."""
    path = root / f"{name}.py"
    path.write_text(source)
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(source, path, "exec"), vars(module))
    return module


def best(work: Callable[[], object]) -> float:
    """The least seconds that `work` takes."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def fingerprint_all(root: Path, functions: list[Any]) -> None:
    prints = Fingerprinter(Project(root))
    for function in functions:
        prints.fingerprint(function)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        load(root, "shared", helpers_source(40))
        for count, goal in ((176, 0.1), (5000, 1.0)):
            pipeline = load(root, f"pipeline_{count}", stages_source(count))
            functions = [getattr(pipeline, f"stage_{i}") for i in range(count)]
            seconds = best(lambda functions=functions: fingerprint_all(root, functions))  # type: ignore[misc] # bound now
            print(
                f"{count:5} stages: {seconds * 1000:7.1f} ms   (goal {goal * 1000:.0f} ms, {seconds / goal:.2f} of it)"
            )
        source = long_source(10_000)
        module = load(root, "long", source)
        parsing = best(lambda: ast.parse(source))
        seconds = best(lambda: fingerprint_all(root, [module.f0]))
        print(
            f"10,000 lines: {seconds * 1000:7.1f} ms   "
            f"(ast.parse {parsing * 1000:.1f} ms, {seconds / parsing:.2f} times; goal 3)"
        )


if __name__ == "__main__":
    main()
