"""The pages for people: what they link to is there, what they promise of the API is documented, their example runs."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import is_protocol

import pytest
from typed import Typed

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").glob("*/README.md"),
    *(ROOT / "packages").glob("*/README.md"),
]
PACKAGES = ("pivot", "pivot_core", "pivot_exec", "pivot_dvc", "pivot_cli", "pivot_fingerprint")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_links_to_is_there(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose)
    gone = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert gone == []


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_documented(name: str) -> None:
    package = importlib.import_module(name)
    public = [(public, getattr(package, public)) for public in getattr(package, "__all__", [])]
    bare = [public for public, value in public if inspect.isroutine(value) and not value.__doc__]
    bare += [public for public, value in public if inspect.isclass(value) and not is_documented(value)]
    assert package.__doc__
    assert bare == []


@pytest.mark.parametrize("name", PACKAGES)
def test_the_readme_of_a_package_names_what_it_offers(name: str) -> None:
    text = readme_of(name.replace("_", "-") if name != "pivot" else "pivot-core")
    public = getattr(importlib.import_module(name), "__all__", [])
    assert [offered for offered in public if f"`{offered}" not in text] == []


@pytest.mark.parametrize(("package", "program"), [("core", "runner"), ("exec", "run"), ("dvc", "to_dvc")])
def test_the_program_in_the_readme_of_a_package_does_what_it_says(project: Typed, package: str, program: str) -> None:
    """Each with the pipeline of pivot-core's."""
    project.write("words.txt", "one two three")
    for text in (readme_of("pivot-core"), readme_of(f"pivot-{package}")):
        for name, block in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            project.write(name, block)
    command = [sys.executable, f"{program}.py"]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment(), capture_output=True, text=True, check=True
    )
    shown = re.findall(r"^```text\n(.*?)^```$", readme_of(f"pivot-{package}"), re.MULTILINE | re.DOTALL)
    assert [done.stdout] == (shown or [""])
    assert (project.root / "dvc.yaml").exists() == (package == "dvc")
    assert project.ran() == ({"count"} if package == "dvc" else set())


def readme_of(package: str) -> str:
    return (ROOT / "packages" / package / "README.md").read_text("utf-8")


def is_documented(value: type) -> bool:
    """A class by its docstring, a protocol also by those of all its methods."""
    methods = [method for name, method in vars(value).items() if inspect.isfunction(method) and name[0] != "_"]
    by_methods = bool(methods) and all(method.__doc__ for method in methods)
    return bool(vars(value).get("__doc__")) or (is_protocol(value) and by_methods)


def test_every_setting_is_in_the_reference() -> None:
    import attrs
    from pivot_core.config import Settings, variable_name

    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`", (ROOT / "docs" / "reference.md").read_text("utf-8"), re.MULTILINE)
    assert rows == [(field.name, variable_name(field.name)) for field in attrs.fields(Settings)]


def test_the_example_of_the_readme_runs_as_it_stands_and_then_has_nothing_to_do(project: Typed) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    project.write("pipeline.py", example)
    project.write("data.csv", "x,y\n1,2\n3,\n5,6\n")
    assert project.ran() == {"preprocess", "train"}
    assert project.ran() == set()


def test_the_test_command_of_the_readme_is_what_ci_runs_last() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    [command] = re.findall(r"^<!-- tests -->\n```bash\n(.*)\n```$", text, re.MULTILINE)
    assert command.endswith("uv run pytest")
    assert "<!-- tests -->" in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
