"""The pipeline as each tool wants it written: its files, as text."""

from __future__ import annotations

from collections.abc import Iterable
from pprint import pformat

from benchmarks.pipeline.shape import Shape, Step
from benchmarks.pipeline.work import SCRIPT


def pivot(shape: Shape) -> dict[str, str]:
    return {
        "pipeline.py": f"""\
from pivot import stage

from work import step

STEPS = {_steps(shape)}

for name, inputs, out in STEPS:
    stage(step, name=name, deps=inputs, outs=out, params={{"name": name, "inputs": inputs, "out": out}})
"""
    }


def dvc(shape: Shape) -> dict[str, str]:
    lines = ["stages:"]
    for step in shape.steps():
        lines += [f"  {step.name}:", f"    cmd: {_command(step)}", "    deps:"]
        lines += [f"      - {path}" for path in step.inputs]
        lines += ["    outs:", f"      - {step.out}"]
    return {"stage.py": SCRIPT, "dvc.yaml": "\n".join([*lines, ""])}


def doit(shape: Shape) -> dict[str, str]:
    return {
        "dodo.py": f"""\
from work import step

STEPS = {_steps(shape)}


def task_step():
    for name, inputs, out in STEPS:
        yield {{"name": name, "actions": [(step, (name, inputs, out))], "file_dep": inputs, "targets": [out]}}
"""
    }


def pytask(shape: Shape) -> dict[str, str]:
    return {
        "task_steps.py": f"""\
import sys
from pathlib import Path
from typing import Annotated

from pytask import Product, task

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from work import step

STEPS = {_steps(shape)}

for name, inputs, out in STEPS:

    @task(id=name)
    def task_step(
        name: str = name,
        inputs: list[Path] = [ROOT / path for path in inputs],
        out: Annotated[Path, Product] = ROOT / out,
    ):
        step(name, inputs, out)
"""
    }


def snakemake(shape: Shape) -> dict[str, str]:
    return {
        "stage.py": SCRIPT,
        "Snakefile": f"""\
STEPS = {_steps(shape)}
INPUTS = {{name: inputs for name, inputs, out in STEPS}}

rule all:
    input: [out for name, inputs, out in STEPS]

rule step:
    input: lambda wildcards: INPUTS[wildcards.name]
    output: "out/{{name}}.csv"
    shell: "python stage.py {{output}} {{input}}"
""",
    }


def ninja(shape: Shape) -> dict[str, str]:
    lines = ["rule step", "  command = python stage.py $out $in", ""]
    lines += [f"build {step.out}: step {' '.join(step.inputs)}" for step in shape.steps()]
    return {"stage.py": SCRIPT, "build.ninja": "\n".join([*lines, ""])}


def joblib(shape: Shape) -> dict[str, str]:
    """Memory keeps a call's result by its arguments, so the digests of the inputs are among them."""
    return {
        "main.py": f"""\
import hashlib
import sys
from pathlib import Path

from joblib import Memory, Parallel, delayed

from work import step

STEPS = {_steps(shape)}


def digest(path):
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


@Memory(".joblib", verbose=0).cache
def cached(name, inputs, out, digests):
    step(name, inputs, out)
    return digest(out)


def main(jobs):
    digests = {{path: digest(path) for _, inputs, _ in STEPS for path in inputs if path.startswith("data/")}}
    waiting = list(STEPS)
    with Parallel(n_jobs=jobs) as parallel:
        while waiting:
            ready = [step for step in waiting if all(path in digests for path in step[1])]
            waiting = [step for step in waiting if step not in ready]
            found = parallel(
                delayed(cached)(name, inputs, out, [digests[path] for path in inputs]) for name, inputs, out in ready
            )
            digests |= dict(zip((out for _, _, out in ready), found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
"""
    }


_GRAPH = """\
    missing = {step: len([path for path in inputs if path.startswith("out/")]) for step, inputs, _ in STEPS}
    readers = {}
    for task in STEPS:
        for path in task[1]:
            readers.setdefault(path, []).append(task)
    ready = deque(task for task in STEPS if not missing[task[0]])
"""


def ideal(shape: Shape) -> dict[str, str]:
    """The work alone: workers forked once, each told what to do next over a pipe, nothing tracked."""
    return {
        "main.py": f"""\
import os
import sys
from collections import deque
from multiprocessing import Pipe
from multiprocessing.connection import wait

from work import step

STEPS = {_steps(shape)}


def worker(pipe):
    while (task := pipe.recv()) is not None:
        step(*task)
        pipe.send(task[2])
    os._exit(0)


def main(jobs):
{_GRAPH}\
    idle, busy = [], {{}}
    for _ in range(jobs):
        ours, theirs = Pipe()
        if not os.fork():
            worker(theirs)
        idle.append(ours)
    while ready or busy:
        while ready and idle:
            pipe = idle.pop()
            pipe.send(ready.popleft())
            busy[pipe] = True
        for pipe in wait(busy):
            for task in readers.get(pipe.recv(), ()):
                missing[task[0]] -= 1
                if not missing[task[0]]:
                    ready.append(task)
            del busy[pipe]
            idle.append(pipe)
    for pipe in idle:
        pipe.send(None)
    for _ in idle:
        os.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
"""
    }


def forks(shape: Shape) -> dict[str, str]:
    """The work alone, each step in a fork of its own, nothing tracked."""
    return {
        "main.py": f"""\
import os
import sys
from collections import deque

from work import step

STEPS = {_steps(shape)}


def main(jobs):
{_GRAPH}\
    running = {{}}
    while ready or running:
        while ready and len(running) < jobs:
            task = ready.popleft()
            pid = os.fork()
            if not pid:
                step(*task)
                os._exit(0)
            running[pid] = task[2]
        pid, _ = os.wait()
        for task in readers.get(running.pop(pid), ()):
            missing[task[0]] -= 1
            if not missing[task[0]]:
                ready.append(task)


if __name__ == "__main__":
    main(int(sys.argv[1]))
"""
    }


def _command(step: Step) -> str:
    return f"python stage.py {step.out} {' '.join(step.inputs)}"


def _steps(shape: Shape) -> str:
    steps: Iterable[tuple[str, list[str], str]] = [(step.name, list(step.inputs), step.out) for step in shape.steps()]
    return pformat(steps, width=120)
