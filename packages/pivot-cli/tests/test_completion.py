"""What the shell completes: commands, options and stage names, and at which price."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from pivot_cli.app import COMMANDS, COMPLETE, cli
from pivot_cli.targets import complete
from pivot_core.model import Record
from pivot_core.storage.lockfile import LockFiles


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project where three stages have run; loading its pipeline would fail."""
    (tmp_path / "pipeline.py").write_text("raise SystemExit('completion loads no pipeline')\n")
    (tmp_path / "below").mkdir()
    locks = LockFiles(tmp_path / ".pivot" / "stages")
    for name in ("train", "train@2:a", "Été"):
        locks.write(Record(name, "xxh3:" + "0" * 32, {}, {}, {}, {}))
    return tmp_path


def completed(place: Path, incomplete: str, *arguments: str) -> set[str]:
    """What is offered for a target of `pivot … run`."""
    with cli.make_context("pivot", ["-C", str(place), *arguments, "run"], resilient_parsing=True) as context:
        run = click.Context(click.Command("run"), parent=context)
        return set(complete(run, click.Argument(["targets"]), incomplete))


def test_stages_that_have_run_are_offered(project: Path) -> None:
    assert completed(project, "") == {"train", "train@2:a", "Été"}
    assert completed(project, "train@") == {"train@2:a"}
    assert completed(project, "É") == {"Été"}


def test_a_directory_below_the_root_offers_the_same(project: Path) -> None:
    assert completed(project / "below", "tr") == {"train", "train@2:a"}


def test_without_a_project_or_with_wrong_settings_nothing_is_offered(project: Path, tmp_path: Path) -> None:
    """An error in the middle of a command line that is being typed helps nobody."""
    assert completed(tmp_path / "below" / "gone", "") == set()
    (project / "pyproject.toml").write_text("[tool.pivot]\nno_such_setting = 1\n")
    assert completed(project, "") == set()


def test_nothing_has_run_yet(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").touch()
    assert completed(tmp_path, "") == set()


def typed(place: Path, line: str, *, inside: str = "") -> list[str]:
    """What bash is told to offer at the end of `line`."""
    words = line.split(" ")
    variables = {"_PIVOT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = subprocess.run(
        [sys.executable, *inside.split(), "-m", "pivot_cli"],
        cwd=place,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert inside or result.stderr == ""
    return [line.partition(",")[2] for line in result.stdout.splitlines()] if not inside else result.stderr.splitlines()


def test_commands_and_options_are_offered(project: Path) -> None:
    assert typed(project, "pivot st") == ["status"]
    assert typed(project, "pivot run --keep-g") == ["--keep-going"]
    assert typed(project, "pivot dag --format m") == ["mermaid"]
    assert typed(project, "pivot completion f") == ["fish"]


def test_what_commands_do_is_shown_beside_them_in_whole() -> None:
    offered = ShellComplete(cli, {}, "pivot", COMPLETE).get_completions([], "")
    assert {item.value: item.help for item in offered} == {name: entry.summary for name, entry in COMMANDS.items()}


@pytest.mark.parametrize("command", ["run", "status", "explain", "dag"])
def test_every_command_with_targets_offers_stages(project: Path, command: str) -> None:
    assert set(typed(project, f"pivot {command} tr")) == {"train", "train@2:a"}


def test_a_key_press_imports_neither_the_pipeline_nor_libraries_of_data(project: Path) -> None:
    report = typed(project, "pivot run tr", inside="-X importtime")
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in report if line.startswith("import time:")}
    assert "pivot_cli" in imported
    assert imported & {"pandas", "numpy", "rich", "pipeline"} == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_one_that_this_shell_can_read(shell: str) -> None:
    script = subprocess.run(
        [sys.executable, "-m", "pivot_cli", "completion", shell], capture_output=True, text=True, check=True
    ).stdout
    assert f"_PIVOT_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run(
            [shell, "-n", "-c", script] if shell != "fish" else ["fish", "-n"], input=script, text=True, check=True
        )


def test_an_unknown_shell_is_refused_with_those_that_are_known() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pivot_cli", "completion", "csh"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert all(shell in result.stderr for shell in ("bash", "zsh", "fish"))
