"""A stage in a process started by exec: it loads the pipeline itself, for where a fork is not safe."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile

from pivot_core.errors import PivotError
from pivot_core.interfaces import Task
from pivot_core.project import Project

from pivot_exec import child, system
from pivot_exec.messages import Setup


def interpreter(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line and environment for a process like this one that runs `module`; it gets "hide" or "keep" last.

    Hashes are the same in all of them, so that sets have one order, unless the user chose a seed.
    """
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
    environment, seed = dict(os.environ), "keep"
    if not environment.get("PYTHONHASHSEED"):
        environment["PYTHONHASHSEED"], seed = "0", "hide"
    return [sys.executable, *flags, "-m", module, *arguments, seed], environment


def start(project: Project, task: Task, digest: str, status: int) -> int:
    """Start the process of `task` and return its number; the caller waits for it."""
    with tempfile.TemporaryFile() as order:
        order.write(pickle.dumps((project, task, digest, os.getpid())))
        order.seek(0)
        command, environment = interpreter("pivot_exec.spawned", str(order.fileno()), str(status))
        process = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=(order.fileno(), status),
            start_new_session=True,
        )
    process.returncode = 0  # it is not waited for through this object
    return process.pid


def main() -> None:
    from pivot_exec import template
    from pivot_exec.base import prepare_interpreter

    prepare_interpreter(hide_seed=sys.argv[3] == "hide")
    status = int(sys.argv[2])
    os.set_inheritable(status, False)
    with open(int(sys.argv[1]), "rb") as order:  # noqa: PTH123
        project, task, digest, parent = pickle.load(order)
    system.die_with_parent(parent)
    os.chdir(project.root)
    try:
        loaded, functions = template.load(Setup(project))
    except PivotError as error:
        _fail(status, str(error).split("\n")[0])
    if task.stage not in loaded.code or loaded.code[task.stage].digest != digest:
        _fail(status, "the code changed while the pipeline ran; run again")
    child.main(project, task, functions[task.stage], status, ())


def _fail(status: int, why: str) -> None:
    os.write(status, why.encode()[:4000])
    os._exit(1)


if __name__ == "__main__":
    main()
