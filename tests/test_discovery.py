"""Discovery: which pipeline a command is about, and what counts as the project's own code."""

import subprocess
import sys

from typed import Typed

ONE = """
    from helper import text
    from pivot import stage

    @stage(outs="a.txt")
    def a():
        open("a.txt", "w").write(text())
    """
HELPER = "def text():\n    return 'one'\n"


def edit_is_seen(project: Typed, helper: str, *options: str, **variables: str) -> None:
    """The first run runs `a`, the next nothing, and one after an edit of `helper` runs it again."""
    assert project.ran(*options, **variables) == {"a"}
    assert project.ran(*options, **variables) == set()
    project.write(helper, "def text():\n    return 'two'\n")
    assert project.ran(*options, **variables) == {"a"}
    assert project.read("a.txt") == "two"


def test_another_pipeline_file_by_variable(project: Typed) -> None:
    project.write("flows/main.py", ONE)
    project.write("flows/helper.py", HELPER)
    edit_is_seen(project, "flows/helper.py", PIVOT_PIPELINE="flows/main.py")


def test_another_pipeline_file_by_setting(project: Typed) -> None:
    project.write("pyproject.toml", '[tool.pivot]\npipeline = "flow.py"\n')
    project.write("flow.py", ONE)
    project.write("helper.py", HELPER)
    edit_is_seen(project, "helper.py")


def test_relative_imports_work_in_a_module_pipeline(project: Typed) -> None:
    project.write("flows/__init__.py", "")
    project.write("flows/main.py", ONE.replace("from helper", "from .helper"))
    project.write("flows/helper.py", HELPER)
    edit_is_seen(project, "flows/helper.py", PIVOT_PIPELINE="flows.main")


def test_a_relative_import_in_a_pipeline_file_is_an_error_that_says_what_to_set(project: Typed) -> None:
    project.write("pipeline.py", ONE.replace("from helper", "from .helper"))
    project.write("helper.py", HELPER)
    error = project.pivot("run", code=2).stderr
    assert "pipeline.py" in error
    assert "PIVOT_PIPELINE" in error


def test_pythonpath_makes_other_modules_project_code(project: Typed) -> None:
    project.write("pyproject.toml", '[tool.pivot]\npythonpath = ["src"]\n')
    project.write("pipeline.py", ONE)
    project.write("src/helper.py", HELPER)
    edit_is_seen(project, "src/helper.py")


def test_a_virtual_environment_inside_the_project_changes_nothing(project: Typed) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project.root / ".venv")], check=True)
    project.write("pipeline.py", ONE)
    project.write("helper.py", HELPER)
    edit_is_seen(project, "helper.py")


def test_a_project_inside_a_virtual_environment_has_project_code(project: Typed) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project.root)], check=True)
    inside = Typed(project.root / "work")
    inside.write("pipeline.py", ONE)
    inside.write("helper.py", HELPER)
    edit_is_seen(inside, "helper.py")


def test_stages_in_several_modules(project: Typed) -> None:
    project.write("pipeline.py", "import first\nimport second\n")
    for name in ("first", "second"):
        project.write(
            f"{name}.py",
            f"from pivot import stage\n\n@stage(outs='{name}.txt')\n"
            f"def {name}():\n    open('{name}.txt', 'w').write('{name}')\n",
        )
    assert project.ran() == {"first", "second"}


def test_no_pipeline_says_what_to_do(project: Typed) -> None:
    error = project.pivot("run", code=2).stderr
    assert "pipeline.py" in error
    assert "pivot -C DIR" in error


def test_an_error_in_the_pipeline_shows_the_users_frames_only(project: Typed) -> None:
    project.write("pipeline.py", "import helper\n")
    project.write("helper.py", "def fail():\n    return 1 / 0\n\nfail()\n")
    error = project.pivot("run", code=2).stderr
    assert "ZeroDivisionError" in error
    assert "helper.py" in error
    assert "pivot_" not in error
    assert "importlib" not in error


def test_a_print_while_loading_is_no_result(project: Typed) -> None:
    project.write("pipeline.py", "print('loading')\n" + ONE.replace("\n    ", "\n"))
    project.write("helper.py", HELPER)
    assert project.ran() == {"a"}
    assert "loading" not in project.pivot("list").stdout


def test_an_unknown_setting_is_refused_with_what_was_meant(project: Typed) -> None:
    project.write("pyproject.toml", "[tool.pivot]\njob = 2\n")
    project.write("pipeline.py", ONE)
    error = project.pivot("run", code=2).stderr
    assert "pyproject.toml" in error
    assert "Did you mean 'jobs'?" in error


def test_a_variable_that_is_spelt_nearly_like_one_of_ours_is_told_of(project: Typed) -> None:
    project.write("pipeline.py", ONE)
    project.write("helper.py", HELPER)
    told = project.pivot("run", PIVOT_JOB="1", PIVOT_DATA="mine", PIVOT_STAGE="outer").stderr
    assert [line for line in told.splitlines() if "PIVOT" in line] == [
        "note: the variable PIVOT_JOB has no effect: did you mean PIVOT_JOBS?"
    ]


def test_a_module_named_pivot_is_refused_by_name(project: Typed) -> None:
    project.write("pipeline.py", ONE)
    project.write("helper.py", HELPER)
    project.write("pivot.py", "")
    assert "pivot.py" in project.pivot("run", code=2).stderr


def test_moving_the_project_runs_nothing(project: Typed) -> None:
    project.write("pipeline.py", ONE)
    project.write("helper.py", HELPER)
    project.run()
    place = project.root.with_name(project.root.name + "_moved")
    project.root.rename(place)
    assert Typed(place).ran() == set()
    place.rename(project.root)
