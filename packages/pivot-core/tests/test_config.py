"""Settings: places, precedence, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pivot_core.config import Settings, misspelt, read_settings
from pivot_core.errors import ProjectError


def pyproject(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.pivot]\n{text}\n")


def config(root: Path, text: str) -> None:
    (root / ".pivot").mkdir(exist_ok=True)
    (root / ".pivot" / "config.yaml").write_text(text)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {}) == Settings()


def test_a_table_in_pyproject(tmp_path: Path) -> None:
    pyproject(tmp_path, 'jobs = 3\npythonpath = [".", "src"]\npreload = ["numpy"]\nlink = "copy"')
    assert read_settings(tmp_path, {}) == Settings(jobs=3, pythonpath=(".", "src"), preload=("numpy",), link="copy")


def test_a_file_of_its_own(tmp_path: Path) -> None:
    config(tmp_path, "pipeline: flow.py\nversions: minor\n")
    assert read_settings(tmp_path, {}) == Settings(pipeline="flow.py", versions="minor")
    config(tmp_path, "")
    assert read_settings(tmp_path, {}) == Settings()


def test_both_files_are_an_error(tmp_path: Path) -> None:
    pyproject(tmp_path, "")
    config(tmp_path, "")
    with pytest.raises(ProjectError, match="Keep one"):
        read_settings(tmp_path, {})


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    pyproject(tmp_path, 'jobs = 3\nlink = "copy"')
    environ = {"PIVOT_JOBS": "5", "PIVOT_PYTHONPATH": "a:b", "PIVOT_PRELOAD": "numpy,pandas", "PIVOT_LINK": ""}
    expected = Settings(jobs=5, link="copy", pythonpath=("a", "b"), preload=("numpy", "pandas"))
    assert read_settings(tmp_path, environ) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jbos = 3", "unknown setting 'jbos'\nDid you mean 'jobs'"),
        ("zzz = 3", "The settings are: pipeline"),
        ("jobs = 0", "jobs must be a whole number"),
        ("jobs = true", "jobs must be a whole number"),
        ('pythonpath = "src"', "pythonpath must be a list"),
        ("pythonpath = []", "pythonpath must be a list"),
        ('link = "symlink"', "link must be one of auto, reflink, copy, hardlink"),
        ('versions = "major"', "versions must be one of"),
        ('isolation = "none"', "isolation must be one of stage, worker"),
        ('preload = "all"', "preload must be"),
        ('pipeline = ""', "pipeline must be a file, or the dotted name of a module, not ''"),
        ('pipeline = "."', "pipeline must be a file, or the dotted name of a module, not '.'"),
        ('pipeline = "flows..main"', "pipeline must be a file, or the dotted name of a module"),
        ("pipeline = 3", "pipeline must be a file, or the dotted name of a module, not 3"),
        ("jobs = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_names_the_file_and_what_it_must_be(tmp_path: Path, text: str, message: str) -> None:
    pyproject(tmp_path, text)
    with pytest.raises(ProjectError) as caught:
        read_settings(tmp_path, {})
    assert message in str(caught.value)
    assert "pyproject.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "must be a mapping"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_config_file_is_data_of_one_form(tmp_path: Path, text: str, message: str) -> None:
    config(tmp_path, text)
    with pytest.raises(ProjectError, match=message):
        read_settings(tmp_path, {})


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="PIVOT_JOBS: jobs must be"):
        read_settings(tmp_path, {"PIVOT_JOBS": "many"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PIVOT_JOB", "PIVOT_JOBS"),
        ("PIVOT_KEEPWARM", "PIVOT_KEEP_WARM"),
        ("PIVOT_ISOLATE", "PIVOT_ISOLATION"),
        ("PIVOT_PIPLINE", "PIVOT_PIPELINE"),
        ("PIVOT_JOBS", ""),
        ("PIVOT_STAGE", ""),
        ("PIVOT_JOB_ID", ""),
        ("PIVOT_DATA", ""),
        ("JOBS", ""),
    ],
)
def test_a_variable_that_is_spelt_nearly_like_one_of_ours_has_no_effect(name: str, meant: str) -> None:
    said = f"the variable {name} has no effect: did you mean {meant}?"
    assert misspelt({name: "1"}) == ([said] if meant else [])
