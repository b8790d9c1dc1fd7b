"""Stages that were renamed or removed: what is left of them is named, and can be removed."""

from __future__ import annotations

import pytest
from typed import Typed

PIPELINE = """
import os
from pivot import stage

@stage(outs="a.txt")
def a():
    open("a.txt", "w").close()

@stage(outs="b.txt")
def b():
    open("b.txt", "w").close()
    if os.environ.get("B") == "fails":
        raise ValueError("no luck")
"""
NOTE = "note: b is no stage of pipeline.py any more, but has a lock file; `pivot forget` removes it\n"


@pytest.fixture
def renamed(project: Typed) -> Typed:
    """The stage `b` became `c`, with another out."""
    project.write("pipeline.py", PIPELINE)
    project.run()
    project.write("pipeline.py", PIPELINE.replace("def b", "def c").replace("b.txt", "c.txt"))
    return project


def test_status_and_the_end_of_each_run_name_a_stage_that_is_gone(renamed: Typed) -> None:
    assert renamed.pivot("status").stderr == NOTE
    assert NOTE in renamed.pivot("run").stderr
    assert NOTE in renamed.pivot("run").stderr
    assert renamed.pivot("status").stderr == NOTE


def test_nothing_is_said_while_all_lock_files_are_of_stages(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    project.run()
    assert project.pivot("status").stderr == ""


def test_a_lock_file_that_comes_later_is_seen_by_the_standing_answer(project: Typed) -> None:
    """As when git brings one: the answer rests on the directory too."""
    project.write("pipeline.py", PIPELINE)
    project.run()
    project.pivot("run")
    lock = project.root / ".pivot" / "stages" / "b.lock"
    lock.with_name("other.lock").write_bytes(lock.read_bytes())
    assert "other is no stage" in project.pivot("run").stderr


def test_forget_removes_the_lock_file_and_names_the_outs_that_stay(renamed: Typed) -> None:
    assert renamed.pivot("forget").stdout == "forgot b; its outs stay, and no stage writes them: b.txt\n"
    assert (renamed.root / "b.txt").exists()
    assert renamed.pivot("status").stderr == ""
    assert renamed.run() == {"a": "up to date", "c": "ran"}
    assert renamed.pivot("forget").stdout == "no lock file is of a stage that is gone\n"


def test_outs_that_another_stage_writes_now_are_not_named(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    project.run()
    project.write("pipeline.py", PIPELINE.replace("def b", "def c"))
    assert project.pivot("forget", "b").stdout == "forgot b\n"


def test_only_stages_that_are_gone_are_forgotten(renamed: Typed) -> None:
    told = renamed.pivot("forget", "b", "c", code=2).stderr
    assert "'c' is a stage of pipeline.py" in told
    assert "pivot run --force c" in told
    assert "Did you mean 'b'" in renamed.pivot("forget", "bb", code=2).stderr
    assert renamed.pivot("status").stderr == NOTE


def test_what_a_failure_left_goes_too(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    project.run()
    project.run("b", "--force", code=1, B="fails")
    assert (project.root / ".pivot" / "failed" / "b").exists()
    project.write("pipeline.py", PIPELINE.replace("def b", "def c"))
    project.pivot("forget")
    assert list((project.root / ".pivot" / "failed").iterdir()) == []
