"""What goes wrong on the first day, and what Pivot says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typed import Typed

READS = """
from pivot import stage

@stage(deps="{dep}", outs="a.txt")
def a():
    open("a.txt", "w").close()
"""


def test_a_typo_in_a_dep_is_named_with_what_was_meant(project: Typed) -> None:
    project.write("data/numbers.txt", "1")
    project.write("pipeline.py", READS.format(dep="data/number.txt"))
    told = project.pivot("run", code=2).stderr
    assert told.startswith("error: pipeline.py:4: stage 'a' reads data/number.txt, which is not there, and no stage")
    assert "hint: Did you mean 'data/numbers.txt' for 'data/number.txt'?" in told


def test_a_stage_that_cannot_run_is_not_said_to_run(project: Typed) -> None:
    project.write("pipeline.py", READS.format(dep="gone.txt"))
    assert project.pivot("status").stdout == "a  missing      dep missing: gone.txt; 1 more reason\n"
    assert "  Status: CANNOT RUN\n" in project.pivot("explain").stdout


@pytest.mark.parametrize("out", ["src", "src/pipeline.py", "./src/"])
def test_an_out_cannot_be_where_the_pipeline_is(project: Typed, out: str) -> None:
    """It would be removed before the stage runs."""
    project.write("src/pipeline.py", f"from pivot import stage\n\n@stage(outs='{out}')\ndef a(): pass\n")
    told = project.pivot("run", code=2, PIVOT_PIPELINE="src/pipeline.py").stderr
    assert "src/pipeline.py:3: outs: " in told
    assert "would replace src/pipeline.py, which declares the stage" in told
    assert "def a" in project.read("src/pipeline.py")


def test_a_pipeline_below_is_named_with_the_setting(project: Typed) -> None:
    project.write("src/pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    told = project.pivot("run", code=2).stderr
    assert 'put `pipeline = "src/pipeline.py"` under [tool.pivot] in pyproject.toml' in told
    project.write("pyproject.toml", '[tool.pivot]\npipeline = "src/pipeline.py"\n')
    assert project.ran() == {"a"}


def test_the_directory_of_the_pipeline_file_is_in_the_project_that_names_it(project: Typed) -> None:
    """Whoever works in src/ has the same project as above it."""
    project.write("pyproject.toml", '[tool.pivot]\npipeline = "src/pipeline.py"\n')
    project.write("src/pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    assert Typed(project.root / "src").ran() == {"a"}
    assert Path(project.root / "a").exists()
    assert not (project.root / "src" / ".pivot").exists()


def test_a_project_in_another_that_does_not_name_it_is_its_own(project: Typed) -> None:
    project.write("pipeline.py", READS.format(dep="gone.txt"))
    project.write("inner/pipeline.py", "from pivot import stage\n\n@stage(outs='b')\ndef b(): open('b', 'w').close()\n")
    assert Typed(project.root / "inner").ran() == {"b"}
    assert (project.root / "inner" / "b").exists()


def test_a_param_that_is_no_plain_data_is_named_by_its_type(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        import pandas as pd
        from pivot import stage

        @stage(outs="a", params={"x": pd.DataFrame({"many": range(100)})})
        def a(x): pass
        """,
    )
    assert "not a DataFrame\n" in project.pivot("list", code=2).stderr


def test_an_out_of_the_stage_itself_is_not_what_was_meant(project: Typed) -> None:
    project.write("a.txt", "")
    project.write("pipeline.py", READS.format(dep="b.txt"))
    assert "Did you mean" not in project.pivot("run", code=2).stderr
