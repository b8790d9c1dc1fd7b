"""With --keep-warm the process that imported the libraries serves the next run too, and never stands in its way."""

import json
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typed import Typed

# Each stage writes which process is the base: the parent of the template that it was forked from.
PIPELINE = """
    import os
    from pathlib import Path
    from pivot import stage
    from helpers import greeting

    @stage(deps=["in.txt"], outs=["out.txt"])
    def a():
        import numpy
        template = os.getppid()
        base = Path(f"/proc/{template}/stat").read_text().rpartition(")")[2].split()[1]
        Path("out.txt").write_text(f"{base} {greeting()} {Path('in.txt').read_text()} {os.environ.get('MINE', '')}")
    """

SLOW = """
    import os, time
    from pathlib import Path

    def greeting():
        Path("started.new").write_text(str(os.getpid()))
        Path("started.new").rename("started")
        time.sleep(300)
    """

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks the system as Linux answers")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Warm:
    """A project, and the process that stays after its runs."""

    def __init__(self, project: Typed, runtime: Path) -> None:
        self.project = project
        self.runtime = runtime

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run the stage on an input that it has never seen; the base, and what else it wrote."""
        self.project.write("in.txt", str(time.monotonic_ns()))
        self.project.pivot("run", *arguments, XDG_RUNTIME_DIR=str(self.runtime), **variables)
        base, _, rest = self.project.read("out.txt").partition(" ")
        return int(base), rest

    def run_that_waits(self, *, as_job: bool = False) -> tuple["subprocess.Popen[str]", int]:
        """Start a run whose stage waits, in a fork of the base; the process that was typed, and that of the stage."""
        self.project.write("helpers.py", SLOW)
        self.wait_for_base()
        process = self.project.start("run", as_job=as_job, XDG_RUNTIME_DIR=str(self.runtime))
        started = self.project.root / "started"
        until(started.exists)
        stage = int(started.read_text())
        started.unlink()
        assert "_sqlite3" not in Path(f"/proc/{process.pid}/maps").read_text(), "it runs here"
        return process, stage

    def wait_for_base(self) -> None:
        until(lambda: bool(self.sockets))

    @property
    def sockets(self) -> list[Path]:
        return list((self.runtime / "pivot").iterdir())


def is_there(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def ends(process: int) -> bool:
    """Whether a process is gone, or soon will be."""
    deadline = time.monotonic() + 30
    while is_there(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_there(process)


@pytest.fixture
def warm(project: Typed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    runtime = tmp_path_factory.mktemp("run")
    project.write("pipeline.py", PIPELINE)
    project.write("helpers.py", "def greeting():\n    return 'hello'\n")
    it = Warm(project, runtime)
    yield it
    base, _ = it.run("--keep-warm", "0")
    assert ends(base), "nothing stays after --keep-warm 0"


def test_the_next_run_has_the_same_base_and_its_own_input(warm: Warm) -> None:
    first, _ = warm.run("--keep-warm", "1m")
    second, said = warm.run()
    assert second == first
    assert warm.project.read("in.txt") in said
    third, _ = warm.run()
    assert third == first, "it stays for as long as it was told"


def test_an_edit_of_the_code_is_run_by_the_same_base(warm: Warm) -> None:
    first, said = warm.run("--keep-warm", "1m")
    assert "hello" in said
    warm.project.write("helpers.py", "def greeting():\n    return 'howdy'\n")
    second, said = warm.run()
    assert second == first
    assert "howdy" in said


def test_without_keep_warm_nothing_stays(warm: Warm) -> None:
    base, _ = warm.run()
    assert ends(base)
    assert not (warm.runtime / "pivot").exists() or not warm.sockets


def test_the_setting_does_the_same(warm: Warm) -> None:
    first, _ = warm.run(PIVOT_KEEP_WARM="1m")
    second, _ = warm.run(PIVOT_KEEP_WARM="1m")
    assert second == first


def test_other_variables_need_another_base(warm: Warm) -> None:
    first, _ = warm.run("--keep-warm", "1m")
    second, said = warm.run(MINE="1")
    assert second != first
    assert said.endswith(" 1")
    assert ends(first), "one that is not right ends"


def test_another_umask_or_limit_needs_another_base(warm: Warm) -> None:
    bases = [warm.run("--keep-warm", "1m")[0]]
    before = os.umask(0o077)
    try:
        bases.append(warm.run("--keep-warm", "1m")[0])
        assert (warm.project.root / "out.txt").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if soft else 4096, hard))
    try:
        bases.append(warm.run("--keep-warm", "1m")[0])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert len(set(bases)) == 3
    assert all(map(ends, bases[:2]))


def test_variables_of_the_shell_do_not(warm: Warm) -> None:
    first, _ = warm.run("--keep-warm", "1m", SHLVL="1", OLDPWD="/")
    second, _ = warm.run(SHLVL="2", OLDPWD="/tmp")
    assert second == first


def test_a_changed_library_needs_another_base(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One that is no part of the project, and is installed as nobody can tell by a version."""
    library = tmp_path_factory.mktemp("library") / "site-packages"
    library.mkdir()
    (library / "lib_of_mine.py").write_text("VALUE = 'old'\n")
    os.utime(library / "lib_of_mine.py", ns=(1, 1))
    time.sleep(2.1)  # a base does not stay with what changed just before it started
    warm.project.write("pipeline.py", PIPELINE.replace("import numpy", "import lib_of_mine as numpy") + "\n")
    warm.project.write("helpers.py", "def greeting():\n    import lib_of_mine\n    return lib_of_mine.VALUE\n")
    first, said = warm.run("--keep-warm", "1m", PYTHONPATH=str(library))
    assert "old" in said
    (library / "lib_of_mine.py").write_text("VALUE = 'new'\n")
    second, said = warm.run(PYTHONPATH=str(library))
    assert second != first
    assert "new" in said
    warm.project.write("pipeline.py", PIPELINE)
    warm.project.write("helpers.py", "def greeting():\n    return 'hello'\n")


def test_a_base_that_was_killed_is_not_missed(warm: Warm) -> None:
    first, _ = warm.run("--keep-warm", "1m")
    os.kill(first, signal.SIGKILL)
    second, _ = warm.run()
    assert second != first


def test_it_ends_on_demand_where_nothing_has_to_run(warm: Warm) -> None:
    base, _ = warm.run("--keep-warm", "1m")
    told = warm.project.pivot("run", "--keep-warm", "0", XDG_RUNTIME_DIR=str(warm.runtime))
    assert "up to date" in told.stdout
    assert ends(base)


def test_it_ends_by_itself(warm: Warm) -> None:
    base, _ = warm.run("--keep-warm", "0.2s")
    assert ends(base)
    assert warm.sockets == []


def test_only_its_user_can_reach_it(warm: Warm) -> None:
    warm.run("--keep-warm", "1m")
    assert (warm.runtime / "pivot").stat().st_mode & 0o777 == 0o700
    assert len(warm.sockets) == 1
    (warm.runtime / "pivot").chmod(0o755)
    first, _ = warm.run("--keep-warm", "1m")
    second, _ = warm.run("--keep-warm", "1m")
    assert second != first, "where others can enter nobody waits"
    (warm.runtime / "pivot").chmod(0o700)


def test_what_a_stage_prints_and_raises_comes_from_this_run(warm: Warm) -> None:
    warm.run("--keep-warm", "1m")
    warm.project.write("helpers.py", "print('loading now')\ndef greeting():\n    raise ValueError('now')\n")
    failed = warm.project.pivot("run", code=1, XDG_RUNTIME_DIR=str(warm.runtime))
    assert "loading now" in failed.stderr
    assert "ValueError: now" in failed.stderr
    warm.project.write("helpers.py", "def greeting():\n    return 'fine'\n")


def test_the_command_line_runs_in_a_process_that_has_imported_it(warm: Warm) -> None:
    """Python tells of each import; variables are the same for both, or the base would not do."""
    told = {"XDG_RUNTIME_DIR": str(warm.runtime), "PYTHONPROFILEIMPORTTIME": "1"}
    imported = []
    for number in range(2):
        warm.project.write("in.txt", str(number))
        if number:
            warm.wait_for_base()
        done = warm.project.pivot("run", "--keep-warm", "1m", **told)
        assert "1 ran" in done.stdout
        imported.append(done.stderr)
    assert re.search(r"\| +click$", imported[0], re.MULTILINE)
    assert not re.search(r"\| +(click|attrs|pivot_core|numpy)$", imported[1], re.MULTILINE)
    warm.project.pivot("run", "--keep-warm", "0", **told)


def test_it_has_the_directory_and_the_streams_of_who_typed_it(warm: Warm) -> None:
    warm.run("--keep-warm", "1m")
    warm.wait_for_base()
    (warm.project.root / "below").mkdir()
    warm.project.write("in.txt", "other")
    below = Typed(warm.project.root / "below")
    done = below.pivot("run", "../out.txt", XDG_RUNTIME_DIR=str(warm.runtime))
    assert done.stdout.splitlines()[-1].startswith("1 ran in ")
    assert done.stderr == "a: running\n"


def test_its_exit_code_is_that_of_the_run(warm: Warm) -> None:
    warm.run("--keep-warm", "1m")
    warm.wait_for_base()
    variables = {"XDG_RUNTIME_DIR": str(warm.runtime)}
    warm.project.write("helpers.py", "def greeting():\n    raise ValueError('now')\n")
    assert "ValueError: now" in warm.project.pivot("run", code=1, **variables).stderr
    warm.project.write("helpers.py", "def greeting():\n    return 'fine'\n")
    assert "no such option '--nonsense'" in warm.project.pivot("run", "--nonsense", code=2, **variables).stderr
    assert "no stage is named 'b'" in warm.project.pivot("run", "b", code=2, **variables).stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_for_who_typed_it_is_one_for_the_run(warm: Warm, number: signal.Signals, code: int) -> None:
    warm.run("--keep-warm", "1m")
    process, stage = warm.run_that_waits()
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert ends(stage)
    warm.project.write("helpers.py", "def greeting():\n    return 'fine'\n")
    _, said = warm.run("--keep-warm", "1m", "--wait")
    assert said.startswith("fine ")


def test_ctrl_z_stops_the_run_and_fg_lets_it_go_on(warm: Warm) -> None:
    def are_stopped(wanted: bool) -> bool:
        states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in (process.pid, run)]
        return [state == "T" for state in states] == [wanted, wanted]

    warm.run("--keep-warm", "1m")
    process, _ = warm.run_that_waits(as_job=True)
    run = int(json.loads(warm.project.read(".pivot/run.lock.owner"))["pid"])
    assert run != process.pid
    process.send_signal(signal.SIGTSTP)
    until(lambda: are_stopped(True))
    process.send_signal(signal.SIGCONT)
    until(lambda: are_stopped(False))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    warm.project.write("helpers.py", "def greeting():\n    return 'fine'\n")


def test_a_second_command_while_one_runs_is_told_so(warm: Warm) -> None:
    warm.run("--keep-warm", "1m")
    process, _ = warm.run_that_waits()
    busy = warm.project.pivot("run", code=2, XDG_RUNTIME_DIR=str(warm.runtime))
    assert "another process runs this pipeline" in busy.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    warm.project.write("helpers.py", "def greeting():\n    return 'fine'\n")


def test_a_time_that_is_none_is_refused(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    assert "'soon' is no time" in project.pivot("run", "--keep-warm", "soon", code=2).stderr
    assert "keep_warm must be a time" in project.pivot("run", code=2, PIVOT_KEEP_WARM="soon").stderr


@pytest.mark.parametrize("has_stayed", [False, True])
def test_a_loader_that_ends_says_how_though_its_base_stays(warm: Warm, has_stayed: bool) -> None:
    if has_stayed:
        warm.run("--keep-warm", "1m")
        warm.wait_for_base()
    warm.project.write("helpers.py", "import os\ndef greeting(): os.kill(os.getppid(), 9)\n")
    warm.project.write("in.txt", "other")
    told = warm.project.pivot("run", "--keep-warm", "1m", code=1, XDG_RUNTIME_DIR=str(warm.runtime))
    assert "the process that runs stages ended: killed by SIGKILL" in told.stdout
    assert "the machine may have run out of memory" in told.stderr
    warm.project.write("helpers.py", "import os\nos.kill(os.getpid(), 9)\n")
    told = warm.project.pivot("run", "--keep-warm", "1m", code=2, XDG_RUNTIME_DIR=str(warm.runtime))
    assert told.stderr == (
        "error: the process that loads pipeline.py ended: killed by SIGKILL\n"
        "hint: Look at what the pipeline does while it is imported. "
        "If nobody killed it, the machine may have run out of memory.\n"
    )
    warm.project.write("helpers.py", "def greeting(): return 'again'\n")
