"""The command line."""

import json
import sys
from pathlib import Path

import pytest
from pivot_fingerprint.__main__ import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "made_here.py").write_text(
        "LIMIT = 1\n\ndef low():\n    return LIMIT\n\ndef high():\n    return low()\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "made_here", raising=False)
    return tmp_path


def test_prints_a_tree(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each entry stands below the one that led to it, with its place."""
    assert main(["made_here:high", "--root", str(project)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith(f"Python {sys.version_info.major}.{sys.version_info.minor}")
    assert rest[0].startswith("func:made_here.high  ")
    assert rest[1].startswith("  func:made_here.low")
    assert rest[2].startswith("    value:made_here.LIMIT")
    assert rest[2].endswith("made_here.py:1")


def test_prints_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json is the stored form."""
    assert main(["made_here:low", "--root", str(project), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in data["entries"]] == ["made_here.low", "made_here.LIMIT"]


def test_check_prints_what_is_not_followed_exactly(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check names the place, and exits with 1; where all is followed it says so."""
    path = project / "made_here.py"
    path.write_text(path.read_text() + "\n\ndef pick(name):\n    return globals()[name]()\n")
    assert main(["made_here:pick", "--root", str(project), "--check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "made_here.py:10: func:made_here.pick: globals() at run time: all of made_here counts" in lines
    assert main(["made_here:high", "--root", str(project), "--check"]) == 0
    assert capsys.readouterr().out == "all code is followed exactly\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["made_here"], "write MODULE:FUNCTION"),
        (["made_here:nothing"], "has no 'nothing'"),
        (["no_such_module:f"], "there is no module 'no_such_module'"),
        (["compare", "absent.json", "absent.json"], "cannot read absent.json"),
    ],
)
def test_wrong_request(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """A request that cannot be met is an error of one line and exit code 2."""
    extra = [] if arguments[0] == "compare" else ["--root", str(project)]
    assert main([*arguments, *extra]) == 2
    assert message in capsys.readouterr().err


def test_compare_says_what_is_wrong_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that holds no fingerprint is named."""
    path = tmp_path / "odd.json"
    path.write_text("{}")
    assert main(["compare", str(path), str(path)]) == 2
    assert f"{path}: not a stored fingerprint" in capsys.readouterr().err


def test_compare_equal(tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to tell is said, and is exit code 0."""
    main(["made_here:low", "--root", str(project), "--json"])
    path = tmp_path / "one.json"
    path.write_text(capsys.readouterr().out)
    assert main(["compare", str(path), str(path)]) == 0
    assert capsys.readouterr().out == "no difference\n"
