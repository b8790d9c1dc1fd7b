"""The example of a runner of one's own works, and is as short as it says."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "custom_runner"


def run(project: Path) -> str:
    command = [sys.executable, str(project / "runner.py"), str(project)]
    result = subprocess.run(command, cwd=project.parent, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def test_the_example_runs_what_changed_and_restores(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".pivot", "__pycache__", "counts.txt", "top.txt"))
    assert run(project) == "count: run (never_run)\ntop: run (never_run)\n"
    assert (project / "top.txt").read_text() == "3 red\n2 green\n"
    assert run(project) == "count: up_to_date\ntop: up_to_date\n"
    pipeline = project / "pipeline.py"
    text = pipeline.read_text()
    pipeline.write_text(text.replace('"n": 2', '"n": 1').replace("words = ", "# a comment\n    words = "))
    assert run(project) == "count: up_to_date\ntop: run (param_changed)\n"
    assert (project / "top.txt").read_text() == "3 red\n"
    pipeline.write_text(text)
    assert run(project) == "count: up_to_date\ntop: restore (param_changed)\n"
    pipeline.write_text(text.replace("return", "").replace("words.count(word)", "int('x')"))
    assert "ValueError" in run(project)
    assert (project / "counts.txt").exists()
    (project / "words.txt").unlink()
    assert "pipeline.py:6: stage 'count' reads words.txt, which is not there" in run(project)


def test_the_example_is_short_and_imports_only_pivot_core() -> None:
    text = (EXAMPLE / "runner.py").read_text()
    assert len(text.splitlines()) < 60
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    assert {module for module in modules if module not in sys.stdlib_module_names} == {"pivot_core"}


def test_the_example_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    for block in text.split("```python\n# ")[1:]:
        name, _, code = block.partition("```")[0].partition("\n")
        (tmp_path / name).write_text(code)
    (tmp_path / "words.txt").write_text("one two three")
    command = [sys.executable, "runner.py"]
    outputs = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert outputs == ["count run ['never_run']\nrecorded\n", "count up_to_date []\n"]
    assert (tmp_path / "count.txt").read_text() == "3"
