"""On what it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.pipeline.tools import Tool


def facts(tools: Iterable[Tool], jobs: int) -> dict[str, str]:
    """The machine, the versions and the day, as texts."""
    versions = {
        tool.distribution: tool.label.replace(tool.name, tool.distribution) for tool in tools if tool.distribution
    }
    return {
        "machine": f"{_processor()}, {os.process_cpu_count()} CPUs, {platform.system()} {platform.release()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", f"pandas {version('pandas')}", *versions.values()]
        ),
        "workers": str(jobs),
        "load": f"{os.getloadavg()[0]:.1f}",
        "day": time.strftime("%Y-%m-%d"),
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    done = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"), cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
