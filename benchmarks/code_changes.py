"""Which code changes do Pivot and other tools see? Observed by running each of them on the same edits.

    uv run python benchmarks/code_changes.py [--missing] [TOOL ...]

Takes some of the cases that Pivot's own tests run, writes each project down, has the tool run it, edits it, has it run
again, and notes which stages wrote their out anew. The pipeline is the same for all: `from pivot import stage`
finds an adapter of the tool (benchmarks/adapters) in place of Pivot. uv installs each tool in an environment of its
own for the occasion. What was observed goes to code_changes.json after each tool, from which
tests/write_fingerprint_pages.py makes the table in docs/fingerprints.md. All tools take about half an hour on an idle
machine. Tools that are not named, or cannot be run, keep what was observed before; `--missing` goes on with those of
which nothing is known.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from fingerprint_cases import ALL_CASES, Case  # noqa: E402 # found by way of the line above

RESULTS = HERE / "code_changes.json"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
AT_ONCE = 2
TIMEOUT = 180

_environments = tempfile.TemporaryDirectory(prefix="compare-")


@dataclass(frozen=True)
class Tool:
    name: str
    adapter: str = ""
    package: str = ""
    """What uv installs, and whose version counts."""
    lists_all_files: bool = False
    """Whether each stage names all source files as what it depends on, or only its own."""
    has_server: bool = False
    """Whether its runs share a server; one for each would take most of the time."""


PIVOT = Tool("Pivot", package="pivot-cli")
TOOLS = (
    PIVOT,
    Tool("joblib.Memory", "joblib_memory", "joblib"),
    Tool("redun", "redun_tasks", "redun"),
    Tool("Prefect", "prefect_tasks", "prefect", has_server=True),
    Tool("Hamilton", "hamilton_nodes", "sf-hamilton"),
    Tool("streamlit", "streamlit_cache", "streamlit"),
    Tool("pytask", "pytask_tasks", "pytask"),
    Tool("doit, own file", "doit_tasks", "doit"),
    Tool("doit, all files", "doit_tasks", "doit", lists_all_files=True),
    Tool("DVC, own file", "dvc_stages", "dvc"),
    Tool("DVC, all files", "dvc_stages", "dvc", lists_all_files=True),
)

CHANGES = (
    "own body",
    "helper body",
    "helper two calls away",
    "import m: helper",
    "from m import f: helper of the helper",
    "import m: constant",
    "lazy from m import f: helper",
    "re-export through __init__",
    "closure cell",
    "positional default",
    "second lambda of a line",
    "function in a dict",
    "argument of a partial",
    "wrapper",
    "handler in a registry",
    "base class method",
    "state of a global instance",
    "dataclass default",
    "value: list",
    "computed constant, other argument",
    "constant read from a file",
    "patch",
    "getattr with a computed name",
    "comment inside",
    "docstring of a function",
    "hints of a signature",
    "order of definitions",
    "unused helper",
    "import m: unused function",
    "unused constant added",
    "other stage",
    "stage added",
)
"""Names of cases: first those that re-run what uses them, from the plain to the rare, then those that do not."""


class ToolError(Exception):
    """The tool did not run the project."""


def observe(tool: Tool, case: Case) -> list[str] | None:
    """The stages that ran again after the edit; None if the tool cannot run the project at all."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        case.write(root)
        if tool.adapter:
            shutil.copy(HERE / "adapters" / f"{tool.adapter}.py", root / "pivot.py")
        try:
            _run(tool, root)
            before = _written(root)
            case.apply(root)
            _run(tool, root)
        except ToolError as error:
            print(f"{tool.name}: {case.name}: {error}", file=sys.stderr)
            return None
        return sorted(stage for stage, stamp in _written(root).items() if before.get(stage) != stamp)


def _run(tool: Tool, root: Path) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if tool.lists_all_files:
        files = (path.relative_to(root) for path in root.rglob("*.py") if path.name != "pivot.py")
        environment["PIVOT_CASE_DEPS"] = " ".join(sorted(map(str, files)))
    if tool.adapter:
        python = _python(tool.package)
        environment["PATH"] = f"{Path(python).parent}{os.pathsep}{environment['PATH']}"
        command = [python, "-c", "import pivot; pivot.run_all()"]
    else:
        command = [str(Path(sys.executable).with_name("pivot")), "run"]
    try:
        process = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"it takes longer than {TIMEOUT} s") from error
    if process.returncode:
        raise ToolError((process.stdout + process.stderr)[-1000:])
    if not _written(root):
        raise ToolError("no stage ran")


@cache
def _python(package: str) -> str:
    """The Python of an environment that holds the package and nothing else that was asked for."""
    place = Path(_environments.name) / package
    uv = os.environ.get("UV", "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", PYTHON, str(place)], check=True)
    python = str(place / "bin" / "python")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, package], check=True)
    return python


@contextmanager
def _server() -> Iterator[None]:
    """Prefect's server, which its runs find by a variable, for as long as the context lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tempfile.TemporaryDirectory(prefix="prefect-")
    environment = {**os.environ, "PREFECT_HOME": home.name, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [str(Path(_python("prefect")).with_name("prefect")), "server", "start", "--no-ui", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/api"
    with home, (Path(home.name) / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(f"{url}/health", process)
            os.environ["PREFECT_API_URL"] = url
            yield
        finally:
            os.environ.pop("PREFECT_API_URL", None)
            process.terminate()
            process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(TIMEOUT):
        if process.poll() is not None:
            raise ToolError(f"its server ended with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise ToolError(f"its server did not answer within {TIMEOUT} s")


def _written(root: Path) -> dict[str, tuple[int, int]]:
    """The outs that are there, by stage; each write gives another stamp."""
    stats = {path.stem: path.stat() for path in root.glob("*.txt")}
    return {stage: (stat.st_ino, stat.st_mtime_ns) for stage, stat in stats.items()}


def version(tool: Tool) -> str:
    """The version of the tool as it is run here."""
    python = _python(tool.package) if tool.adapter else sys.executable
    code = f"from importlib.metadata import version; print(version({tool.package!r}))"
    return subprocess.run([python, "-c", code], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()


def observe_all(tool: Tool) -> dict[str, Any]:
    """The version of a tool, and the stages that it ran again by case."""
    by_name = {case.name: case for case in ALL_CASES}
    found = version(tool)
    with _server() if tool.has_server else nullcontext(), ThreadPoolExecutor(AT_ONCE) as pool:
        observed = list(pool.map(lambda name: observe(tool, by_name[name]), CHANGES))
    if not any(observed):
        raise ToolError("it ran none of the projects, or saw no change in any")
    return {
        "package": tool.package,
        "version": found,
        "python": PYTHON,
        "ran_again": dict(zip(CHANGES, observed, strict=True)),
    }


def main() -> None:
    """Observe the tools asked for, and keep what was known of the others."""
    names = [tool.name for tool in TOOLS]
    parser = argparse.ArgumentParser(description="Observe which code changes tools see.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"default: all of {', '.join(names)}")
    parser.add_argument("--missing", action="store_true", help="only tools of which nothing is known yet")
    arguments = parser.parse_args()
    wanted = arguments.tools or names
    if unknown := set(wanted) - set(names):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}")
    failed = False
    for tool in TOOLS:
        known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        if tool.name not in wanted or (arguments.missing and tool.name in known):
            continue
        started = time.monotonic()
        try:
            found = observe_all(tool)
        except (ToolError, OSError, subprocess.CalledProcessError) as error:
            print(f"{tool.name}: not observed: {error}", file=sys.stderr)
            failed = True
            continue
        ordered = {name: (known | {tool.name: found})[name] for name in names if name in known or name == tool.name}
        RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"{tool.name} {found['version']}: {time.monotonic() - started:.0f} s", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
