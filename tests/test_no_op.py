"""Doing nothing is free, and nothing that changed is overlooked for it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typed import Typed

# What a command imports, opens, looks at and starts, written to a file when it ends.
COUNTED = """
import atexit, json, os, sys
seen = {"opened": [], "written": [], "started": [], "argv": sys.argv[2:]}
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        how = arguments[1] or ""
        writes = any(letter in how for letter in "wax+") or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        seen["written" if writes else "opened"].append(os.fsdecode(arguments[0]))
    elif event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
        seen["started"].append(event)
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.utime", "sqlite3.connect"):
        seen["written"].append(event)
target = sys.argv.pop(1)
sys.argv[0] = "pivot"
from pivot_cli.entry import run
def tell():
    seen["modules"] = sorted(sys.modules)
    text = json.dumps(seen)
    with open(target, "w") as file:
        file.write(text)

atexit.register(tell)
sys.addaudithook(hook)
run()
"""

# Everything that a project has and that an answer can rest on.
PIPELINE = """
    import os
    from pathlib import Path
    import numpy
    from pivot import stage
    from helpers import double

    if os.environ.get("FACTOR_SET"):
        FACTOR = 3
    else:
        FACTOR = 2
    if Path("switch").exists():
        FACTOR += 1
    NAMES = sorted(path.name for path in Path("names").glob("*.txt"))

    @stage(deps=["in.txt", "parts", "globbed/*.csv"], outs=["a.txt"])
    def a():
        lines = [Path("in.txt").read_text(), *(p.read_text() for p in sorted(Path("parts").rglob("*.txt")))]
        Path("a.txt").write_text(str(double(len(lines)) * FACTOR) + str(NAMES) + lines[0])

    @stage(deps=["a.txt"], outs=["b/out.txt"])
    def b():
        Path("b/out.txt").write_text(Path("a.txt").read_text() + "!")
    """


@pytest.fixture
def settled(project: Typed) -> Typed:
    """A project whose run left everything up to date."""
    project.write("pipeline.py", PIPELINE)
    project.write("helpers.py", "def double(x):\n    return x * 2\n")
    project.write("in.txt", "3")
    project.write("parts/deep/one.txt", "1")
    project.write("globbed/one.csv", "1")
    project.write("names/one.txt", "")
    project.pivot("run")
    return project


def counted(project: Typed, *arguments: str, **variables: str) -> tuple[str, dict[str, Any]]:
    """Type a command; what it printed, and what it did."""
    target = project.root.parent / f"{project.root.name}-counted.json"
    command = [sys.executable, "-c", COUNTED, str(target), *arguments]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment(**variables), capture_output=True, text=True, check=True
    )
    return done.stdout, json.loads(target.read_text())


def outcomes(text: str) -> dict[str, str]:
    """What the lines of `pivot run` say of each stage."""
    words = ("ran", "up to date", "restored", "failed")
    return {
        line.split()[0]: next(word for word in words if line[len(line.split()[0]) :].strip().startswith(word))
        for line in text.splitlines()[:-1]
    }


@pytest.mark.parametrize("arguments", [("run",), ("status",), ("status", "--check"), ("run", "-j", "2")])
def test_a_no_op_imports_starts_and_writes_nothing_and_opens_one_file(
    settled: Typed, arguments: tuple[str, ...]
) -> None:
    first, _ = counted(settled, "run", *(arguments[1:] if arguments[0] == "run" else ()))
    shown, did = counted(settled, *arguments)
    assert "up to date" in shown
    if arguments[0] == "run":
        assert shown.splitlines()[:-1] == first.splitlines()[:-1]
    assert did["written"] == []
    assert did["started"] == []
    assert did["opened"] == [f"{settled.root}/.pivot/answer"]
    heavy = {"click", "attr", "attrs", "cattrs", "yaml", "rich", "sqlite3", "json", "numpy", "pivot_core"}
    # json is what the counting itself needs
    assert heavy & set(did["modules"]) <= {"json"}


def test_a_no_op_of_the_ordinary_way_imports_none_of_the_users_code(settled: Typed) -> None:
    settled.pivot("run")
    (settled.root / ".pivot/answer").unlink()
    shown, did = counted(settled, "run")
    assert set(outcomes(shown).values()) == {"up to date"}
    assert did["started"] == []
    assert not {"cattrs", "yaml", "rich", "numpy", "helpers", "pipeline"} & set(did["modules"])


def test_after_the_first_run_nothing_is_loaded_although_stages_name_what_other_stages_write(project: Typed) -> None:
    """These files were not there when the pipeline was loaded."""
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage

        HERE = Path(__file__).parent

        @stage(outs=["a.txt", "data/b.txt", "all/"])
        def writes():
            for place in ("data", "all"):
                (HERE / place).mkdir(exist_ok=True)
            for path in ("a.txt", "data/b.txt", "all/c.txt"):
                Path(path).write_text(path)

        @stage(deps=["a.txt", "data", "all"], outs="out.txt")
        def reads():
            read = [open("a.txt").read(), (HERE / "data" / "b.txt").read_text(), (HERE / "all" / "c.txt").read_text()]
            Path("out.txt").write_text("".join(read))
        """,
    )
    project.pivot("run")
    assert (project.root / ".pivot/answer").exists()
    loads = [json.loads(line)["event"] for line in project.pivot("run", "--json").stdout.splitlines()]
    assert "load_started" not in loads


def test_it_says_the_same_as_the_ordinary_way(settled: Typed) -> None:
    for command in (("run",), ("status",), ("status", "--check"), ("run", "b"), ("run", "-k")):
        settled.pivot(*command)
        given = settled.pivot(*command)
        (settled.root / ".pivot/answer").unlink(missing_ok=True)
        worked_out = settled.pivot(*command)
        strip = command[0] == "run"
        assert (
            given.stdout.splitlines()[: -1 if strip else None]
            == worked_out.stdout.splitlines()[: -1 if strip else None]
        )
        assert given.stderr == worked_out.stderr


def test_a_no_op_of_one_stage_says_nothing_of_others(settled: Typed) -> None:
    settled.pivot("run", "a")
    shown, did = counted(settled, "run", "a")
    shown, did = counted(settled, "run", "a")
    assert outcomes(shown) == {"a": "up to date"}
    assert did["written"] == []


def is_given(project: Typed, *arguments: str) -> bool:
    """Whether a command is answered without looking at anything but what the standing answer rests on."""
    return counted(project, *arguments)[1]["opened"] == [f"{project.root}/.pivot/answer"]


def test_a_run_of_one_of_many_stages_looks_at_no_other(settled: Typed) -> None:
    """Not at its end either: what it costs must not grow with the pipeline."""
    many = 'for number in range(600):\n    stage(print, name=f"n{number}")\n'
    settled.write("pipeline.py", settled.read("pipeline.py") + many)
    shown, did = counted(settled, "run", "--force", "a")
    assert outcomes(shown) == {"a": "ran"}
    assert {Path(path).name for path in did["opened"] if path.endswith(".lock")} == {"a.lock"}
    counted(settled, "run", "a")
    assert is_given(settled, "run", "a")
    assert not is_given(settled, "status")


def test_after_a_run_of_one_of_few_stages_all_are_known(settled: Typed) -> None:
    counted(settled, "run", "--force", "b")
    assert is_given(settled, "run")
    assert is_given(settled, "status")


def test_a_no_op_of_one_stage_leaves_what_is_known_of_all(settled: Typed) -> None:
    counted(settled, "run")
    counted(settled, "run", "a")
    assert is_given(settled, "run")
    assert is_given(settled, "status")
    assert is_given(settled, "run", "a")


def test_after_a_run_of_one_stage_the_others_are_looked_at(settled: Typed) -> None:
    settled.write("in.txt", "4")
    counted(settled, "run", "a")
    assert is_given(settled, "run", "a")
    status = settled.pivot("status", "--check", code=3).stdout.splitlines()
    assert [line.split()[0] for line in status if "stale" in line] == ["b"]


def same_size_and_time(path: Path, text: str) -> None:
    stat = path.stat()
    assert len(text) == stat.st_size
    path.write_text(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replaced_by_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text("9")
    path.unlink()
    path.symlink_to(target.name)


def setting(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.pivot]\njobs = 1\n")


BOTH, ONLY_A, NONE = {"a", "b"}, {"a"}, set[str]()
# The change, and which stages have to run then.
CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a dep": (lambda root: (root / "in.txt").write_text("4"), BOTH),
    "a dep, same size and time": (lambda root: same_size_and_time(root / "in.txt", "4"), BOTH),
    "a dep that becomes a link": (lambda root: replaced_by_link(root / "in.txt"), BOTH),
    "a file in a directory that is a dep": (lambda root: (root / "parts/deep/one.txt").write_text("2"), ONLY_A),
    "a new file in a directory that is a dep": (lambda root: (root / "parts/deep/two.txt").write_text("2"), BOTH),
    "an empty directory in one": (lambda root: (root / "parts/empty").mkdir(), ONLY_A),
    "a file that a glob matches": (lambda root: (root / "globbed/one.csv").write_text("2"), ONLY_A),
    "a new file that a glob matches": (lambda root: (root / "globbed/two.csv").write_text("2"), ONLY_A),
    "a helper": (lambda root: (root / "helpers.py").write_text("def double(x):\n    return x * 3\n"), BOTH),
    "a helper, same size and time": (
        lambda root: same_size_and_time(root / "helpers.py", "def double(x):\n    return x * 3\n"),
        BOTH,
    ),
    "a module that shadows another": (
        lambda root: (
            (root / "helpers").mkdir(),
            (root / "helpers/__init__.py").write_text("def double(x): return 0\n"),
        ),
        BOTH,
    ),
    "what loading looked for": (lambda root: (root / "switch").touch(), BOTH),
    "a file that matches a glob while loading": (lambda root: (root / "names/two.txt").touch(), BOTH),
    "what .pivotignore names": (lambda root: (root / ".pivotignore").write_text("one.txt\n"), ONLY_A),
    "an out that is gone": (lambda root: (root / "a.txt").unlink(), NONE),
    "an out that was edited": (lambda root: (root / "b/out.txt").write_text("mine"), NONE),
    "a lock file that is gone": (lambda root: (root / ".pivot/stages/a.lock").unlink(), NONE),
    "a lock file that was edited": (lambda root: (root / ".pivot/stages/a.lock").write_text("pivot: 1\n"), NONE),
    "only a comment": (lambda root: (root / "helpers.py").write_text("# c\ndef double(x):\n    return x * 2\n"), NONE),
    "only times": (lambda root: os.utime(root / "in.txt"), NONE),
    "a setting": (setting, NONE),
    "an unrelated file": (lambda root: (root / "notes.md").touch(), NONE),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_what_has_to_run_runs(settled: Typed, change: str) -> None:
    assert set(outcomes(settled.pivot("run").stdout).values()) == {"up to date"}
    make, expected = CHANGES[change]
    make(settled.root)
    found = outcomes(settled.pivot("run").stdout)
    assert {stage for stage, outcome in found.items() if outcome == "ran"} == expected
    assert set(outcomes(settled.pivot("run").stdout).values()) == {"up to date"}, "the run after is a no-op"


def test_a_variable_that_loading_read_counts_and_others_do_not(settled: Typed) -> None:
    assert set(outcomes(settled.pivot("run", SOMETHING="else").stdout).values()) == {"up to date"}
    assert outcomes(settled.pivot("run", FACTOR_SET="1").stdout) == {"a": "ran", "b": "ran"}
    assert set(outcomes(settled.pivot("run", FACTOR_SET="1").stdout).values()) == {"up to date"}


def test_python_that_leaves_out_what_is_asserted_is_another_python(settled: Typed) -> None:
    found = outcomes(settled.pivot("run", PYTHONOPTIMIZE="1").stdout)
    assert set(found.values()) == {"ran"}
    assert set(outcomes(settled.pivot("run", PYTHONOPTIMIZE="1").stdout).values()) == {"up to date"}
    assert set(outcomes(settled.pivot("run").stdout).values()) == {"restored"}


def test_outs_get_their_line_for_git_when_the_project_becomes_a_work_tree_or_loses_it(settled: Typed) -> None:
    settled.pivot("run")
    (settled.root / ".git").mkdir()
    settled.pivot("run")
    assert "/a.txt" in settled.read(".gitignore")
    settled.write(".gitignore", "")
    settled.pivot("run")
    assert "/a.txt" in settled.read(".gitignore")


def test_an_out_that_is_put_back_is_the_same_and_a_damaged_lock_file_is_mended(settled: Typed) -> None:
    before = settled.read("a.txt")
    (settled.root / "a.txt").unlink()
    assert outcomes(settled.pivot("run").stdout) == {"a": "restored", "b": "up to date"}
    assert settled.read("a.txt") == before


def test_an_edit_within_the_run_is_seen_by_the_next(project: Typed) -> None:
    """What changes between the last look and the answer must not be in the answer."""
    project.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage
        from helpers import double

        @stage(deps=["in.txt"], outs=["a.txt"])
        def a():
            Path("a.txt").write_text(str(double(1)))

        @stage(outs=["b.txt"])
        def b():
            Path("helpers.py").write_text("def double(x):\\n    return x * 3\\n")
            Path("b.txt").write_text("b")
        """,
    )
    project.write("helpers.py", "def double(x):\n    return x * 2\n")
    project.write("in.txt", "3")
    project.pivot("run")
    assert outcomes(project.pivot("run").stdout) == {"a": "ran", "b": "up to date"}
    assert project.read("a.txt") == "3"


def test_reload_loads_what_a_snapshot_would_have_told(project: Typed) -> None:
    """What a load depends on and cannot be watched: here the clock of the machine, as a file read in C would be."""
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage(outs=["a.txt"])
        def a():
            open("a.txt", "w").close()
        """,
    )
    project.pivot("run")
    _, did = counted(project, "status", "--reload")
    assert did["started"]
    _, did = counted(project, "status")
    assert not did["started"]


def test_a_load_that_started_a_process_is_done_each_time(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        import subprocess
        from pivot import stage

        VERSION = subprocess.run(["cat", "/proc/sys/kernel/random/boot_id"], capture_output=True).stdout

        @stage(outs=["a.txt"])
        def a():
            open("a.txt", "w").write(str(VERSION))
        """,
    )
    project.pivot("run")
    _, did = counted(project, "run")
    _, did = counted(project, "run")
    assert did["started"]
