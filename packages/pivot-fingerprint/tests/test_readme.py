"""The examples of the README do what it says."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
_BLOCKS = re.findall(r"```python\n(.*?)```", _README, re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop.py").write_text(_BLOCKS[0], "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    return tmp_path


def test_examples(shop: Path) -> None:
    """What is printed is what the text shows."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        space: dict[str, object] = {}
        for block in _BLOCKS[1:]:
            exec(block, space)
    digest, *lines = out.getvalue().splitlines()
    assert re.fullmatch("[0-9a-f]{32}", digest)
    shown = re.findall(r"^    ((?:func|value):.*)$", _README, re.MULTILINE)
    assert lines == [*shown, "('value:shop.RATE',)"]
    assert "`('value:shop.RATE',)`" in _README
    assert set(space["digests"]) == {"total", "tax"}  # type: ignore[call-overload] # a dict


def test_commands(shop: Path) -> None:
    """The commands of the README work as they stand."""
    commands = re.findall(r"^    python (-m pivot_fingerprint .*)$", _README, re.MULTILINE)
    tree, save, check, compare = (command.split() for command in commands)
    assert "func:shop.tax" in _run(tree, 0)
    assert _run(check, 0) == "all code is followed exactly\n"
    Path("old.json").write_text(_run(save[: save.index(">")], 0))
    (shop / "shop.py").write_text((shop / "shop.py").read_text().replace("0.19", "0.07"))
    Path("new.json").write_text(_run(save[: save.index(">")], 0))
    assert _run(compare, 1) == "~ value:shop.RATE\n"


def _run(arguments: list[str], code: int) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == code, done.stderr
    return done.stdout
