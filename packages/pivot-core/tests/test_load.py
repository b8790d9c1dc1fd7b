"""Loading real pipelines, each in a process of its own, since Python imports a module once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from pivot_core import InlineLoader, PivotError, discover
try:
    loaded = InlineLoader().load(discover(Path(sys.argv[1])))
except PivotError as error:
    print("ERROR", error)
    print(error.traceback)
else:
    for name, stage in loaded.stages.items():
        print(name, stage.location, *sorted(entry.key for entry in loaded.code[name].entries))
    print(*loaded.notices)
"""
HEADER = "from pivot import stage\n"
STAGE = f"{HEADER}@stage(outs='x')\ndef make():\n    pass\n"


def load(root: Path, program: str = PROGRAM, **environ: str) -> str:
    command = [sys.executable, "-c", program, str(root)]
    result = subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_stages_come_from_all_modules_that_the_pipeline_imports(tmp_path: Path) -> None:
    write(
        tmp_path,
        pipeline=f"import more\n{STAGE}",
        more=f"{HEADER}@stage\ndef other():\n    return helper()\n\ndef helper(): ...\n",
    )
    out = load(tmp_path)
    assert "other more.py:2 func:more.helper func:more.other" in out
    assert "make pipeline.py:3 func:pipeline.make" in out


@pytest.mark.parametrize(
    "declared",
    [
        "deps='texts/a.sql'",
        "deps='texts'",
        "deps='texts/*.sql'",
        "deps='t*/a.sql'",
        "deps='**/*.sql'",
        "",
        "deps='*.csv'",
    ],
)
def test_a_file_beside_the_code_is_part_of_it_unless_a_stage_says_that_it_reads_it(
    tmp_path: Path, declared: str
) -> None:
    text = (
        f"from pathlib import Path\n{HEADER}@stage({declared})\ndef make():\n"
        "    return (Path(__file__).parent / 'texts' / 'a.sql').read_text()\n"
    )
    write(tmp_path, pipeline=text)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.sql").write_text("select 1")
    assert ("file:texts/a.sql" in load(tmp_path)) == (declared in ("", "deps='*.csv'"))


def test_the_users_own_frames_are_shown_and_no_others(tmp_path: Path) -> None:
    write(tmp_path, pipeline="import more\n", more="def f():\n    return 1 / 0\n\nf()\n")
    out = load(tmp_path)
    assert "ERROR pipeline.py could not be imported: ZeroDivisionError" in out
    assert f'{tmp_path}/pipeline.py", line 1' in out
    assert f'{tmp_path}/more.py", line 2' in out
    assert "pivot_core" not in out
    assert "importlib" not in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "pipeline.py declares no stages"),
        (f'{HEADER}if __name__ == "__main__":\n    stage(print)\n', "declare stages above"),
        (f"{HEADER}stage(outs='x')\ndef f(): ...\n", "pipeline.py:2: this stage(…) declares nothing"),
        (f"{HEADER}def f(): ...\nstage(f(), outs='x')\n", "not what a call of it returns"),
        (f"{HEADER}stage(print, outs='x', params=['lr'])\n", "what a file holds is read at the top"),
        ("from pivot import Out\nOut('x', persist=True)\n", "a stage begins without its outs"),
        ("from pivot import Param\n", "A pipeline imports stage and Out"),
        ("import yaml\nyaml.safe_load('a:\\n\\tb: 1')\n", "line 2, column 1: found character '\\t'"),
        ("import sys\nsys.exit(3)\n", "called sys.exit(3)"),
        ("def f(:\n", "SyntaxError"),
        ("import nothing_such\n", "-m pip install nothing_such"),
        ("import deep\n", 'pythonpath = [".", "src"]'),
        ("from . import deep\n", "PIVOT_PIPELINE=package.pipeline"),
        (
            "from pivot import stage\n@stage(outs='/x')\ndef f(): ...\n",
            "pipeline.py:2: outs: '/x' is absolute",
        ),
        ("from pivot import stage\n@stage(metrics='x')\ndef f(): ...\n", "what DVC calls a metric or plot is an out"),
        ("from pivot import stage\n@stage(['x'], ['y'])\ndef f(): ...\n", "stage() takes deps=, outs=, params=,"),
        ("@stage(outs='x')\ndef f(): ...\n", "Import it first: from pivot import stage"),
        (f"{STAGE}stage(make, deps='y')\n", "two stages named 'make'"),
    ],
)
def test_a_pipeline_that_cannot_be_loaded_says_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, pipeline=text, src__deep="")
    assert message in load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from utils.helper import x\n", "Did you mean utils.helpers? utils/ has no module 'helper'."),
        ("import utils.other\n", "utils/ has no module 'other'."),
        ("import single.part\n", "single.py is one module, and has none inside"),
    ],
)
def test_what_a_package_of_the_project_has_not_is_in_no_library(tmp_path: Path, text: str, message: str) -> None:
    """Installing a library of that name would hide what is wrong."""
    write(tmp_path, pipeline=text, utils__helpers="", single="")
    told = load(tmp_path)
    assert message in told
    assert "pip install" not in told


def test_a_module_with_a_name_much_like_one_of_the_project_is_asked_back(tmp_path: Path) -> None:
    write(tmp_path, pipeline="import singel\n", single="")
    assert "Did you mean single? If it is a library" in load(tmp_path)


def test_a_decorator_that_is_above_no_function_is_a_notice(tmp_path: Path) -> None:
    write(tmp_path, pipeline=f"{STAGE}stage(outs='y')\nlate = stage(outs='z', name='z')\nlate(make)\n")
    told = load(tmp_path)
    assert "pipeline.py:5: this stage(…) declares nothing: it is above no function." in told
    assert "pipeline.py:6: this" not in told


def test_a_file_that_hides_pivot_is_named(tmp_path: Path) -> None:
    write(tmp_path, pipeline=STAGE, pivot="x = 1\n")
    assert "ERROR pivot.py hides" in load(tmp_path)


def test_a_package_of_the_pipelines_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, pipeline=STAGE)
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").touch()
    assert "the package pipeline/ has the same name" in load(tmp_path)


def test_a_module_of_a_package_with_relative_imports(tmp_path: Path) -> None:
    write(
        tmp_path,
        flows__pipeline=f"from .tools import helper\n{STAGE}".replace("pass", "helper()"),
        flows__tools="def helper(): ...\n",
    )
    (tmp_path / "flows" / "__init__.py").touch()
    assert "func:flows.tools.helper" in load(tmp_path, PIVOT_PIPELINE="flows.pipeline")


def test_a_decorator_above_stage_is_a_notice(tmp_path: Path) -> None:
    text = (
        "import functools\nfrom pivot import stage\n"
        "def loud(f):\n    @functools.wraps(f)\n    def inner(): return f()\n    return inner\n"
        "@loud\n@stage\ndef make(): ...\n"
    )
    write(tmp_path, pipeline=text)
    assert "pipeline.py:8: a decorator above @stage replaces 'make'" in load(tmp_path)


def test_a_decorator_without_wraps_above_stage_is_a_notice_in_whichever_module(tmp_path: Path) -> None:
    more = f"{HEADER}def loud(f):\n    return lambda: f()\n@loud\n@stage\ndef make(): ...\n"
    write(tmp_path, pipeline=f"import more\n{HEADER}stage(more.loud, name='kept', params={{'f': None}})\n", more=more)
    assert "more.py:5: a decorator above @stage replaces 'make'" in load(tmp_path)
    assert load(tmp_path).count("a decorator above @stage") == 1


def test_no_bytecode_is_written_and_none_is_trusted(tmp_path: Path) -> None:
    """An edit of the same size within the same second is seen, whatever a pyc says."""
    write(tmp_path, pipeline=f"import more\n{HEADER}stage(more.f, outs='x')\n", more="def f(): return 1\n")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(tmp_path)], check=True)
    stat = (tmp_path / "more.py").stat()
    write(tmp_path, more="def f(): return 2\n")
    os.utime(tmp_path / "more.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    program = PROGRAM + "\nimport more\nprint('value', more.f())\n"
    assert "value 2" in load(tmp_path, program)


def test_what_was_read_first_is_what_a_later_import_gets(tmp_path: Path) -> None:
    lazy = "def f():\n    import late\n    return late.value\n"
    write(tmp_path, pipeline=f"{HEADER}@stage(outs='x')\n{lazy}", late="value = 1\n")
    program = PROGRAM + (
        "\nPath(sys.argv[1], 'late.py').write_text('value = 2\\n')\nimport pipeline\nprint('value', pipeline.f())\n"
    )
    assert "value 1" in load(tmp_path, program)
