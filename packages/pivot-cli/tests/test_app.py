"""The `pivot` command: exit codes, help, what a mistyped word gives, and what is imported for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import click
import pytest
from pivot_cli.app import COMMANDS, Entry, main
from pivot_core.errors import BusyError, PipelineError

type Captured = pytest.CaptureFixture[str]

IMPORTED = """
import sys
from pivot_cli.app import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def imported_by(*arguments: str) -> set[str]:
    """The modules that a process has imported at the end of `pivot …`."""
    command = [sys.executable, "-c", IMPORTED, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(result.stderr.splitlines()[-1].split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[str]]:
    """Makes a command `pivot fake` of a function; returns the arguments to type."""

    def make(function: Callable[[], object]) -> list[str]:
        module = ModuleType("pivot_cli.commands.fake")
        vars(module)["command"] = click.command("fake")(function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "fake", Entry("fake", "Does what a test wants."))
        return ["fake"]

    return make


def raising(error: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise error

    return function


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (3, 3), (143, 143), ("text", 0)])
def test_what_a_command_returns_is_the_exit_code(
    fake: Callable[[Callable[[], object]], list[str]], returned: object, code: int
) -> None:
    assert main(fake(lambda: returned)) == code


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (PipelineError("two stages named 'a'", "Rename one."), 2, "error: two stages named 'a'\nhint: Rename one.\n"),
        (BusyError("process 1 runs"), 2, "error: process 1 runs\n"),
        (click.UsageError("no such thing"), 2, "error: no such thing\n"),
        (click.ClickException("cannot"), 2, "error: cannot\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, ""),
        (ZeroDivisionError("division by zero"), 2, "Pivot itself failed (ZeroDivisionError: division by zero)"),
        (EOFError("the other side ended"), 2, "Pivot itself failed (EOFError: the other side ended)"),
        (RecursionError("too deep"), 2, "Pivot itself failed (RecursionError: too deep)"),
        (OSError(28, "No space left on device", "a.txt"), 2, "error: a.txt: No space left on device\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
    ],
)
def test_an_error_of_a_command_is_an_exit_code_and_words(
    fake: Callable[[Callable[[], object]], list[str]],
    error: BaseException,
    code: int,
    told: str,
    capsys: Captured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(fake(raising(error))) == code
    out, err = capsys.readouterr()
    assert told in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("explian", "explain"), ("stauts", "status")])
def test_a_mistyped_command_is_asked_back(typed: str, meant: str, capsys: Captured) -> None:
    assert main([typed]) == 2
    assert f"error: no such command '{typed}'. Did you mean '{meant}'?" in capsys.readouterr().err


def test_a_command_of_dvc_is_told_what_is_done_here(capsys: Captured) -> None:
    """`import` is much like `export`, which does the reverse."""
    assert main(["import"]) == 2
    assert "no such command 'import'. A pipeline of DVC is carried over by hand" in capsys.readouterr().err
    assert main(["repro"]) == 2
    assert "no such command 'repro'. Did you mean 'run'?" in capsys.readouterr().err


def test_a_word_that_resembles_no_command_gets_no_guess(capsys: Captured) -> None:
    assert main(["xyzzy"]) == 2
    err = capsys.readouterr().err
    assert "xyzzy" in err
    assert "Did you mean" not in err


@pytest.mark.parametrize(
    "arguments", [["run", "--frce"], ["run", "-j", "0"], ["-X"], ["dag", "--format", "png"], ["completion"]]
)
def test_a_wrong_option_is_misuse(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert re.fullmatch(r"error: .*\nhint: `pivot.* --help` .*\n", err)
    assert out == ""


def test_without_a_command_the_help_is_shown(capsys: Captured) -> None:
    main([])
    assert "".join(capsys.readouterr()).startswith("Usage: pivot")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_has_a_line_for_every_command(option: str, capsys: Captured) -> None:
    assert main([option]) == 0
    out = capsys.readouterr().out
    assert [name for name, entry in COMMANDS.items() if f"  {name} " not in out or entry.summary not in out] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_imported_and_has_help(name: str, capsys: Captured) -> None:
    command = import_module(f"pivot_cli.commands.{COMMANDS[name].module}").command
    assert command.name == name
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: pivot {name}" in out
    assert [
        parameter.name for parameter in command.params if isinstance(parameter, click.Option) and not parameter.help
    ] in (
        [],
        ["form"],  # its choices say it
    )


def test_every_module_of_commands_is_a_command() -> None:
    there = {path.stem for path in Path(import_module("pivot_cli.commands").__path__[0]).glob("[!_]*.py")}
    assert there == {entry.module for entry in COMMANDS.values()}


def test_the_version_is_that_of_the_distribution(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pivot {version('pivot-cli')}\n"


@pytest.mark.parametrize("argument", ["--help", "--version", "rnu"])
def test_help_and_version_import_click_and_little_else(argument: str) -> None:
    """They are typed to see whether a program is there at all: what a run needs would take ten times as long."""
    modules = imported_by(argument)
    heavy = {
        "attrs",
        "cattrs",
        "filelock",
        "pivot_core",
        "pivot_dvc",
        "pivot_exec",
        "rich",
        "sqlite3",
        "xxhash",
        "yaml",
    }
    assert packages(modules) & heavy == set()
    assert {name for name in modules if name.startswith("pivot_cli.")} == {"pivot_cli.app"}


def test_one_command_is_imported_not_all() -> None:
    modules = imported_by("list", "--help")
    assert {name for name in modules if name.startswith("pivot_cli.commands.")} == {"pivot_cli.commands.listing"}


@pytest.mark.parametrize("command", ["run", "status", "explain"])
def test_nothing_for_terminals_or_of_the_user_is_imported_to_run(command: str) -> None:
    assert packages(imported_by(command, "--help")) & {"rich", "pivot_dvc", "pandas", "numpy", "cattrs"} == set()


def ended(command: str, **variables: str) -> tuple[int, str]:
    """The exit code of a shell's command, in which `pivot` is ours, and what it wrote to stderr."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pivot = f'pivot() {{ "{sys.executable}" -m pivot_cli "$@"; }}; set -o pipefail; '
    result = subprocess.run(
        ["bash", "-c", pivot + command],
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", ["--help", "--version", "completion bash"])
def test_a_reader_that_goes_away_ends_the_command_quietly(arguments: str, variables: dict[str, str]) -> None:
    """The code is that of a program which SIGPIPE ended."""
    assert ended(f"(sleep 0.1; pivot {arguments}) | exec 0<&-", **variables) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is there on Linux only")
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_full_disk_is_told_once_and_is_no_fault_of_ours(variables: dict[str, str]) -> None:
    assert ended("pivot --help > /dev/full", **variables) == (2, "error: No space left on device\n")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_standard_stream_that_is_not_open_is_an_empty_one(closed: str) -> None:
    assert ended(f"pivot --help {closed}") == (0, "")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path, capsys: Captured) -> None:
    assert main(["-C", str(tmp_path / "gone"), "list"]) == 2
    assert "gone: no such directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "status", "explain", "list", "dag", "export"])
def test_where_there_is_no_project_every_command_says_how_to_make_one(
    command: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["-C", str(tmp_path), command]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: no pipeline.py in ")
    assert "hint: Create one with @stage functions" in err
    assert list(tmp_path.iterdir()) == []
