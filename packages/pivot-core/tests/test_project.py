"""Which project is this?"""

from __future__ import annotations

from pathlib import Path

import pytest
from pivot_core.config import Settings
from pivot_core.errors import ProjectError
from pivot_core.project import Project, discover


@pytest.mark.parametrize("marker", ["pipeline.py", ".pivot/", "pyproject.toml"])
def test_the_root_is_found_from_below(tmp_path: Path, marker: str) -> None:
    place = tmp_path / "project"
    deep = place / "a" / "b"
    deep.mkdir(parents=True)
    if marker.endswith("/"):
        (place / marker).mkdir()
    else:
        (place / marker).write_text("[tool.pivot]\n" if marker.endswith(".toml") else "")
    assert discover(deep, {}).root == place


def test_a_pyproject_without_a_table_of_ours_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").touch()
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'pivot'\n")
    assert discover(inner, {}).root == tmp_path


def test_a_pipeline_module_of_a_package_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").touch()
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").touch()
    assert discover(package, {}).root == tmp_path


def test_no_project_says_where_was_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Create one") as caught:
        discover(tmp_path, {})
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(ProjectError, match="no such directory"):
        discover(tmp_path / "nowhere", {})


def test_a_file_of_another_name_that_may_hold_the_stages_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text("from pivot import stage\n")
    (tmp_path / "a_directory.py").mkdir()
    (tmp_path / "helpers.py").touch()
    with pytest.raises(ProjectError) as caught:
        discover(tmp_path, {})
    assert 'If flow.py declares the stages, rename it, or put `pipeline = "flow.py"`' in caught.value.hint


def test_a_variable_names_the_pipeline_where_nothing_else_does(tmp_path: Path) -> None:
    project = discover(tmp_path, {"PIVOT_PIPELINE": "flow.py"})
    assert (project.root, project.settings.pipeline) == (tmp_path, "flow.py")


def test_a_pythonpath_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").touch()
    with pytest.raises(ProjectError, match="'lib'"):
        discover(tmp_path, {"PIVOT_PYTHONPATH": ".:lib"})


def test_modules_come_from_the_setting_the_pipeline_and_the_root(tmp_path: Path) -> None:
    project = Project(tmp_path, Settings(pipeline="flows/daily.py", pythonpath=("src",)))
    assert project.source_roots == (tmp_path / "src", tmp_path / "flows", tmp_path)
    assert project.pipeline_module is None
    assert Project(tmp_path, Settings(pipeline="flows.daily")).pipeline_module == "flows.daily"


def test_paths_are_shown_relative_to_the_root(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.shown(tmp_path / "a" / "b") == "a/b"
    assert project.shown("/elsewhere") == "/elsewhere"
