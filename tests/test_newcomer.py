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


@pytest.mark.parametrize(
    ("dep", "kept"), [("data/a.csv", "data/a.csv"), ("data/raw", "data/raw"), ("data/raw/x/*.csv", "data/raw")]
)
def test_a_dep_that_dvc_keeps_is_to_be_fetched(project: Typed, dep: str, kept: str) -> None:
    """Its .dvc file has much the same name, and is not what was meant."""
    project.write(f"{kept}.dvc", "outs: []")
    project.write("pipeline.py", READS.format(dep=dep))
    told = project.pivot("run", code=2).stderr
    assert f"hint: {kept}.dvc says that DVC keeps it: fetch it with `dvc pull {kept}.dvc`.\n" in told


def test_a_stage_that_cannot_run_is_not_said_to_run(project: Typed) -> None:
    project.write("pipeline.py", READS.format(dep="gone.txt"))
    assert project.pivot("status").stdout == "a  missing      dep missing: gone.txt; 1 more reason\n"
    assert "  Status: CANNOT RUN\n" in project.pivot("explain").stdout


@pytest.mark.parametrize(
    ("dep", "hint"),
    [
        ("b", "'b' is a stage, and stages are joined by files: name what it writes, 'b.txt'."),
        (r"data\\b.txt", "Write / between directories"),
        ("$DATA/b.txt", "Pivot replaces no $ in paths"),
    ],
)
def test_a_dep_that_is_no_path_of_a_file_says_what_to_write(project: Typed, dep: str, hint: str) -> None:
    project.write("pipeline.py", f'{READS.format(dep=dep)}\n@stage(outs="b.txt")\ndef b(): ...\n')
    assert f"hint: {hint}" in project.pivot("run", code=2).stderr


@pytest.mark.parametrize(
    ("code", "ended"), [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV")]
)
def test_a_pipeline_that_ends_the_process_that_imports_it_says_how(project: Typed, code: str, ended: str) -> None:
    """As a library may that fails while it is imported."""
    project.write("pipeline.py", f"import os, signal\n{code}\n")
    assert project.pivot("run", code=2).stderr == (
        f"error: the process that loads pipeline.py ended: {ended}\n"
        "hint: Look at what the pipeline does while it is imported.\n"
    )


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


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("deps='s3://bucket/x.csv'", "deps: 's3://bucket/x.csv' is no path of a file"),
        ("deps='~/x.csv'", "deps: '~/x.csv' has a ~, which only shells replace"),
        ("code_deps='querys/top.sql'", "code_deps: there is no querys/top.sql"),
        ("code_deps=['queries/tops.sql']", "hint: Did you mean 'queries/top.sql'?"),
    ],
)
def test_a_path_that_cannot_be_meant_so_is_refused(project: Typed, declared: str, told: str) -> None:
    """Taken as it is, a misspelt file of the code would never run the stage again."""
    project.write("queries/top.sql", "")
    project.write("pipeline.py", f"from pivot import stage\n\n@stage({declared}, outs='a')\ndef a(): pass\n")
    refused = project.pivot("list", code=2).stderr
    assert refused.startswith("error: pipeline.py:3: ")
    assert told in refused


def test_a_file_of_the_code_that_another_stage_writes_need_not_be_there_yet(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage

        @stage(outs="made")
        def make():
            Path("made").mkdir()
            Path("made/query.sql").touch()

        @stage(deps="made", outs="a", code_deps="made/query.sql")
        def a(): Path("a").touch()
        """,
    )
    assert project.ran() == {"make", "a"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("flows.mian", "hint: Did you mean 'flows.main' for 'flows.mian'?"),
        ("flow.main", "error: there is no module flow; the setting `pipeline` says flow.main"),
        ("other", "hint: It was looked for in .: correct the setting, or `pythonpath`."),
    ],
)
def test_a_module_that_the_setting_names_and_that_is_not_there_is_no_library(
    project: Typed, name: str, told: str
) -> None:
    project.write("flows/__init__.py", "")
    project.write("flows/main.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): pass\n")
    refused = project.pivot("list", code=2, PIVOT_PIPELINE=name).stderr
    assert told in refused
    assert "pip install" not in refused
    assert "Traceback" not in refused


def test_a_file_that_the_setting_names_and_that_is_not_there_is_asked_back(project: Typed) -> None:
    project.write("flows/pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): pass\n")
    refused = project.pivot("list", code=2, PIVOT_PIPELINE="flows/pipelin.py").stderr
    assert f"error: no flows/pipelin.py in {project.root}\nhint: Did you mean 'flows/pipeline.py'?" in refused


def test_what_fails_in_a_module_pipeline_shows_no_frames_of_the_import(project: Typed) -> None:
    project.write("flows/__init__.py", "")
    project.write("flows/main.py", "1 / 0\n")
    told = project.pivot("list", code=2, PIVOT_PIPELINE="flows.main").stderr
    assert "flows/main.py" in told
    assert "importlib" not in told


@pytest.mark.parametrize("asks", ["breakpoint()", "input('name? ')"])
def test_a_stage_that_asks_is_told_how_to_get_a_terminal(project: Typed, asks: str) -> None:
    project.write("pipeline.py", f"from pivot import stage\n\n@stage\ndef a():\n    {asks}\n")
    assert "`pivot run --debug a` gives it one" in project.pivot("run", code=1).stderr
    assert "gives it one" not in project.pivot("run", "--debug", code=1).stderr


def test_a_failure_while_debugging_does_not_show_the_log_of_an_earlier_run(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        import os
        from pivot import stage

        @stage
        def a():
            raise ValueError(os.environ["RUN"])
        """,
    )
    project.pivot("run", code=1, RUN="first")
    told = project.pivot("run", "--debug", code=1, RUN="second").stderr
    assert "ValueError: second" in told
    assert "first" not in told


def test_an_option_of_all_commands_is_told_where_it_stands(project: Typed) -> None:
    assert "hint: It stands before the command: `pivot -C DIR run`." in project.pivot("run", "-C", ".", code=2).stderr
    assert "'x' is not a valid whole number" in project.pivot("run", "-j", "x", code=2).stderr


def test_a_library_to_preload_that_is_not_installed_is_told(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    told = project.pivot("run", PIVOT_PRELOAD="json,pandsa").stderr
    assert "note: the setting `preload` names pandsa: no such module is installed\n" in told


@pytest.mark.parametrize(
    ("body", "out"),
    [
        ("open('plots/x.png', 'w')", "plots/"),
        ("open(os.path.abspath('plots/x.png'), 'w')", "plots"),
        ("os.listdir('plots')", "plots"),
        ("open('state.json').read()", "state.json"),
        ("pandas.DataFrame().to_csv('plots/x.csv')", "plots"),
        ("pandas.DataFrame({'a': [1]}).to_parquet('plots/x.parquet')", "plots"),
    ],
)
def test_a_stage_that_misses_its_own_outs_is_told_that_it_begins_without_them(
    project: Typed, body: str, out: str
) -> None:
    """The directory may be there, made by hand: it is moved out of the way."""
    project.write(
        "pipeline.py", f"import os, pandas\nfrom pivot import stage\n\n@stage(outs={out!r})\ndef a(): {body}\n"
    )
    (project.root / "plots").mkdir()
    failed = project.pivot("run", code=1)
    assert "is an out" not in failed.stdout
    assert len(project.pivot("status").stdout.splitlines()) == 1
    assert (
        f"hint: {out.rstrip('/')} is an out, and a stage begins without its outs: make its directories" in failed.stderr
    )


def test_what_is_missing_elsewhere_has_nothing_to_do_with_outs(project: Typed) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs='plots')\ndef a(): open('plots.csv')\n")
    assert "is an out" not in project.pivot("run", code=1).stderr
