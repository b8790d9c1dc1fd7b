"""The benchmark measures the same work for all: its small pipelines give the same outs as the work alone."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_benchmark_runs_and_the_tools_write_the_same() -> None:
    command = [sys.executable, "-m", "benchmarks.pipeline.check", "--touch", "ideal", "Pivot", "Pivot, workers"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Pivot" in done.stdout


def test_a_report_is_made_of_what_was_measured(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path

from benchmarks.pipeline import report
from benchmarks.pipeline.machine import facts
from benchmarks.pipeline.measure import Cost
from benchmarks.pipeline.results import Results

results = Results(Path({str(tmp_path / "results.json")!r}))
results.facts.update(facts([], 2))
results.add("pandas", "ideal", "cold", Cost(1.0, 1.5, 1_000_000))
results.add("pandas", "Pivot", "cold", Cost(2.0, 3.0, 2_000_000))
results.add("pandas", "Pivot", "no-op", Cost(0.1, 0.1, 2_000_000))
report.write(Results.read(Path({str(tmp_path / "results.json")!r})), Path({str(tmp_path)!r}))
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert "| Pivot | 2 s | 100 ms | – | 2.00 |" in (tmp_path / "results.md").read_text("utf-8")
    assert (tmp_path / "pipeline.svg").read_text("utf-8").startswith("<svg")
