"""`pivot check`: what cannot be followed exactly is named, with its place and with what counts instead."""

import json

from typed import Typed

PIPELINE = """
import logging

import ops
from pivot import stage

log = logging.getLogger("pipeline")


def pick(name):
    return getattr(ops, name)()


@stage(outs=["a.txt"])
def a():
    open("a.txt", "w").write(str(pick("one")))


@stage(outs=["b.txt"])
def b():
    log.info("b")
    open("b.txt", "w").write(str(pick("one")))


@stage(outs=["c.txt"])
def c():
    open("c.txt", "w").write("c")
"""


def _write(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    project.write("ops.py", "def one():\n    return 1\n")


def test_each_thing_is_listed_once_with_its_stages_and_the_exit_code_is_3(project: Typed) -> None:
    _write(project)
    assert project.pivot("check", code=3).stdout.splitlines() == [
        "ops.py:1: module:ops",
        "  used as a whole: all of it counts",
        "  used by: pipeline.pick",
        "  stages: a, b",
        "pipeline.py:7: value:pipeline.log",
        "  logging.Logger: by its type; by its defining statement",
        "  used by: pipeline.b",
        "  stages: b",
    ]


def test_variables_that_stages_read_while_they_run_are_named(project: Typed) -> None:
    project.write("pipeline.py", "import os\nfrom pivot import stage\n\n@stage\ndef a(): print(os.environ['LEVEL'])\n")
    assert "  reads the variable LEVEL from the environment while it runs" in project.pivot("check", code=3).stdout


def test_only_the_stages_asked_for_are_looked_at(project: Typed) -> None:
    _write(project)
    said = project.pivot("check", "c").stdout.splitlines()
    assert said[0] == "All code is followed exactly."
    assert "files that a stage reads must be in its deps" in said[1]
    assert "pipeline.log" not in project.pivot("check", "a", code=3).stdout


def test_the_same_as_data(project: Typed) -> None:
    _write(project)
    assert json.loads(project.pivot("check", "a", "--json", code=3).stdout) == [
        {
            "entry": "module:ops",
            "file": "ops.py",
            "line": 1,
            "note": "used as a whole: all of it counts",
            "via": ["pipeline.a", "pipeline.pick"],
            "stages": ["a"],
        }
    ]
    assert json.loads(project.pivot("check", "c", "--json").stdout) == []


def test_explain_code_counts_them_and_names_the_command(project: Typed) -> None:
    _write(project)
    assert "  1 of these cannot be followed exactly: pivot check a\n" in project.pivot("explain", "--code", "a").stdout
    assert "followed exactly" not in project.pivot("explain", "--code", "c").stdout


def test_nothing_is_written_by_a_check(project: Typed) -> None:
    _write(project)
    project.pivot("check", code=3)
    assert not (project.root / ".pivot").exists()
