"""Taking outs away before a stage runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pivot_core.errors import PivotError
from pivot_core.storage import remove
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.remove import clear


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1")


def test_nothing_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "file")
    clear(tmp_path, "nothing", Ignore())
    clear(tmp_path, "file/nothing", Ignore())


def test_files_directories_and_links_go(tmp_path: Path) -> None:
    write(tmp_path / "target" / "x")
    write(tmp_path / "file")
    write(tmp_path / "d" / "deep" / "x")
    (tmp_path / "d" / "up").symlink_to("../target")
    (tmp_path / "l").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("file", "d", "l", "dangling"):
        clear(tmp_path, name, Ignore())
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target" / "x").exists()


def test_a_read_only_directory_goes(tmp_path: Path) -> None:
    write(tmp_path / "d" / "x")
    (tmp_path / "d").chmod(0o500)
    clear(tmp_path, "d", Ignore())
    assert not (tmp_path / "d").exists()


def test_what_the_user_ignores_stays_but_litter_goes(tmp_path: Path) -> None:
    for name in ["d/a", "d/notes.keep", "d/__pycache__/x", "d/sub/b", "d/.git/x", "d/env/pyvenv.cfg", "d/a~"]:
        write(tmp_path / name)
    clear(tmp_path, "d", Ignore.parse(["*.keep"]))
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"d/notes.keep", "d/.git/x", "d/env/pyvenv.cfg"}
    assert not (tmp_path / "d" / "sub").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open elsewhere is busy")
def test_where_something_is_mounted_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()

    def refuse(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rmdir", refuse)
    with pytest.raises(PivotError, match="a: cannot be removed: Device or resource busy") as caught:
        clear(tmp_path, "a", Ignore())
    assert "mounted" in caught.value.hint


def test_a_failure_names_the_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(remove, "unlink", refuse)
    with pytest.raises(PivotError, match="a: cannot be removed: Permission denied"):
        clear(tmp_path, "a", Ignore())
