"""Pipelines that cannot work: exit 2, and the message names every stage and path involved."""

import pytest
from typed import Typed


def stages(*declarations: str) -> str:
    """A pipeline of stages a, b, … with these arguments of `@stage`."""
    functions = (f"@stage({text})\ndef {chr(97 + n)}():\n    pass\n" for n, text in enumerate(declarations))
    return "from pivot import stage\n\n" + "\n".join(functions)


@pytest.mark.parametrize(
    ("declarations", "named"),
    [
        (("deps='2', outs='1'", "deps='1', outs='2'"), ("a", "b")),
        (("deps='x', outs='x'",), ("a", "x")),
        (("outs='same.csv'", "outs='same.csv'"), ("a", "b", "same.csv")),
        (("outs='plots'", "outs='plots/one.png'"), ("a", "b", "plots", "plots/one.png")),
        (("deps='gone.csv', outs='1'",), ("a", "gone.csv", "pipeline.py:3")),
        (("outs='1', name='twin'", "outs='2', name='twin'"), ("twin", "name=", "pipeline.py:3", "pipeline.py:7")),
        (("outs='../up.csv'",), ("../up.csv", "pipeline.py:3")),
        (("outs='/tmp/abs.csv'",), ("/tmp/abs.csv", "pipeline.py:3")),
        (("outs=''",), ("empty", "pipeline.py:3")),
        (("outs='.git/x'",), (".git/x", "pipeline.py:3")),
        (("outs=[1]",), ("outs", "1", "pipeline.py:3")),
        (("outs='*.csv'",), ("*.csv", "pipeline.py:3")),
    ],
    ids=[
        "cycle", "own out", "two producers", "overlap", "missing dep", "same name",
        "outside", "absolute", "empty", "git", "type", "glob",
    ],
)  # fmt: skip
def test_a_wrong_pipeline_exits_2_and_names_what_is_involved(
    project: Typed, declarations: tuple[str, ...], named: tuple[str, ...]
) -> None:
    project.write("pipeline.py", stages(*declarations))
    error = project.pivot("run", code=2).stderr
    assert [text for text in named if text not in error] == []
    assert "Traceback" not in error


def test_an_unknown_target_exits_2_with_the_nearest_name(project: Typed) -> None:
    project.write("pipeline.py", stages("name='train', outs='model.pkl'"))
    for command in ("run", "explain", "status"):
        assert "train" in project.pivot(command, "trian", code=2).stderr


def test_targets_are_names_globs_and_outs_with_what_they_wait_for(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage

        def write(place, *others):
            def work():
                Path(place).parent.mkdir(exist_ok=True)
                Path(place).write_text(place)
            return work

        stage(write("d/1"), outs="d/1", name="make_1")
        stage(write("d/2"), outs="d/2", name="make_2")
        stage(write("sum"), deps=["d/1"], outs="sum", name="sum")
        stage(write("all"), deps=["d/*"], outs="all", name="all")
        """,
    )
    assert project.ran("sum") == {"make_1", "sum"}
    assert project.ran("make_*") == {"make_2"}
    assert project.ran("all") == {"all"}
    assert project.ran() == set()
