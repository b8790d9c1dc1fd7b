"""Every shell block and Python example of the README, of that of pivot-cli and of the docs runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "packages/pivot-cli/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLS = ("pip install", "uv run pytest")  # they set up the machine, or run this very test; .ci/run does the same


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for language, text in BLOCK.findall(page.read_text("utf-8")):
        if language == "python":
            name = re.match(r"# file: (\S+)\n", text)
            file = tmp_path / (name[1] if name else "pipeline.py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            compile(text, str(page), "exec")
        elif not any(part in text for part in INSTALLS):
            subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=tmp_path, env=environment, check=True)


def test_the_example_pipeline_of_the_readme_runs(tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(ROOT / "examples" / "quickstart"), str(tmp_path)], check=True)
    pivot = str(Path(sys.executable).with_name("pivot"))
    subprocess.run([pivot, "-C", str(tmp_path / "quickstart"), "run", "--force"], check=True)
    subprocess.run([pivot, "-C", str(tmp_path / "quickstart"), "status", "--check"], check=True)
    assert (tmp_path / "quickstart" / "model.pkl").exists()


def test_architecture_names_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([\w./]+\.py)` \|", text, re.MULTILINE))
    there = {
        f"{path.relative_to(ROOT / 'packages').as_posix().split('/src/')[1]}"
        for path in (ROOT / "packages").glob("*/src/**/*.py")
        if path.name not in ("__init__.py", "__main__.py")
    }
    assert named == there
