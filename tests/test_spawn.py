"""Where no process can be forked, as on Windows, which Linux is made to look like, see `platforms/`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typed import Typed

IS_WINDOWS = sys.platform == "win32"
pytestmark = pytest.mark.skipif(sys.platform not in ("win32", "linux"), reason="made from what Linux has")

PIPELINE = """
    import os, subprocess, sys
    from pathlib import Path
    from pivot import stage
    from helpers import double, half

    ITEMS = []

    @stage(deps=os.path.join("data", "in.txt"), outs=Path("out") / "a.txt")
    def a():
        ITEMS.append(1)
        os.environ["CHANGED"] = "yes"
        os.chdir("data")
        number = int(open("in.txt").read())
        open(os.path.join("..", "out", "a.txt"), "w").write(str(double(number)))

    @stage(deps="out/a.txt", outs="b")
    def b():
        Path("b", "c").mkdir(parents=True)
        Path("b", "c", "d.txt").write_text(open("out/a.txt").read() + str(len(ITEMS)) + str("CHANGED" in os.environ))

    @stage(deps="data/*.txt", outs="c.txt")
    def c():
        Path("c.txt").write_text(str(half(4)))
    """
BEATS = "import time\nwhile True:\n    open('beats', 'a').write('.')\n    time.sleep(0.02)\n"
LONG = """
    import subprocess, sys, time
    from pathlib import Path
    from pivot import stage

    @stage(outs="long.txt")
    def long():
        subprocess.Popen([sys.executable, "beats.py"])
        while not Path("beats").exists():
            time.sleep(0.01)
        if not Path("quick").exists():
            time.sleep(300)
        Path("long.txt").write_text("done")
    """


INTERRUPTED = """
import pathlib, signal, sys, threading, time
from pivot_cli.entry import run

def interrupt(path):
    while not path.exists():
        time.sleep(0.02)
    signal.raise_signal(signal.SIGINT)  # as the console does it on Windows: in a thread of its own

threading.Thread(target=interrupt, args=(pathlib.Path(sys.argv[1]),), daemon=True).start()
sys.argv[:] = ["pivot", "run"]
run()
"""


@pytest.fixture
def windows(project: Typed) -> Typed:
    if not IS_WINDOWS:
        project.variables = {"PYTHONPATH": str(Path(__file__).with_name("platforms") / "windows")}
    project.write("data/in.txt", "2")
    project.write("helpers.py", "def double(x):\n    return x * 2\n\n\ndef half(x):\n    return x // 2\n")
    project.write("pipeline.py", PIPELINE)
    return project


def test_what_changed_runs_and_nothing_else(windows: Typed) -> None:
    assert windows.ran("-j", "2") == {"a", "b", "c"}
    assert windows.read("b/c/d.txt") == "40False"
    assert windows.ran() == set()
    windows.write("helpers.py", "def double(x):  # twice\n    return x * 2\n\n\ndef half(x):\n    return x // 2\n")
    assert windows.ran() == set()
    windows.write("helpers.py", "def double(x):\n    return x + x + 1\n\n\ndef half(x):\n    return x // 2\n")
    told = windows.pivot("explain", "a").stdout
    assert "func:double" in told
    assert "helpers.py:1" in told
    assert windows.ran() == {"a", "b"}


def test_what_was_made_before_is_restored(windows: Typed) -> None:
    windows.pivot("run")
    windows.write("data/in.txt", "3")
    assert windows.ran() == {"a", "b", "c"}
    windows.write("data/in.txt", "2")
    assert windows.run() == {"a": "restored", "b": "restored", "c": "restored"}
    assert windows.read("b/c/d.txt") == "40False"


def test_all_commands_that_load_work(windows: Typed) -> None:
    windows.pivot("run")
    assert "3 up to date" in windows.pivot("run").stdout
    assert "Status: UP TO DATE" in windows.pivot("explain").stdout
    assert windows.pivot("status", "--check").stdout.count("up to date") == 3
    assert "s0 --> s2" in windows.pivot("dag", "--format", "mermaid").stdout
    assert windows.pivot("list").stdout.split()[:1] == ["a"]
    assert windows.pivot("check").returncode == 0


def test_locks_have_forward_slashes(windows: Typed) -> None:
    windows.pivot("run")
    lock = windows.read(".pivot/stages/a.lock")
    assert "\n  data/in.txt: " in lock
    assert "\n  out/a.txt: " in lock


def test_a_file_that_keeps_its_times_and_size_is_seen_to_change(windows: Typed) -> None:
    windows.pivot("run")
    path = windows.root / "data/in.txt"
    stat = path.stat()
    path.write_text("7")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert windows.ran() == {"a", "b", "c"}


def test_read_only_outs_are_replaced(windows: Typed) -> None:
    windows.pivot("run")
    for path in ("out/a.txt", "b/c/d.txt"):
        (windows.root / path).chmod(0o444)
    assert windows.ran("-f") == {"a", "b", "c"}


def test_no_lines_fail_in_an_old_encoding(windows: Typed) -> None:
    out = windows.pivot("dag", PYTHONIOENCODING="cp1252", PYTHONUTF8="0").stdout
    assert "\\u2190 a" in out


def test_a_failure_is_shown_and_recorded_nowhere(windows: Typed) -> None:
    windows.write("helpers.py", "def double(x):\n    raise ValueError('no')\n\n\ndef half(x):\n    return x // 2\n")
    result = windows.pivot("run", "--keep-going", code=1)
    assert "ValueError: no" in result.stdout + result.stderr
    assert "1 ran, 1 failed, 1 blocked" in result.stdout
    assert not (windows.root / ".pivot/stages/a.lock").exists()


def test_a_pipeline_that_cannot_be_loaded_says_why(windows: Typed) -> None:
    windows.write("pipeline.py", "import missing\n")
    assert "No module named 'missing'" in windows.pivot("run", code=2).stderr


def test_code_that_changes_while_the_pipeline_runs_is_not_recorded_as_what_it_was(windows: Typed) -> None:
    windows.write(
        "pipeline.py",
        """
        from pathlib import Path
        from pivot import stage
        from helpers import double

        @stage(outs="a.txt")
        def a():
            Path("helpers.py").write_text("def double(x):\\n    return x * 3\\n")
            Path("a.txt").write_text("a")

        @stage(deps="a.txt", outs="b.txt")
        def b():
            Path("b.txt").write_text(str(double(2)))
        """,
    )
    told = windows.pivot("run", "b", code=1)
    assert "the code changed while the pipeline ran; run again" in told.stdout
    assert windows.ran() == {"b"}
    assert windows.read("b.txt") == "6"


def test_values_that_differ_from_load_to_load_run_nothing_again(windows: Typed) -> None:
    windows.write(
        "pipeline.py",
        """
        import time
        from pivot import stage

        STARTED = time.time_ns()

        @stage(outs="a.txt")
        def a():
            open("a.txt", "w").write(str(STARTED > 0))
        """,
    )
    assert "STARTED" in windows.pivot("run").stderr
    assert windows.ran() == set()


def test_a_load_that_never_ends_a_second_time_is_given_up(windows: Typed) -> None:
    """As where loading takes a lock or a port for itself."""
    windows.write(
        "pipeline.py",
        """
        import pathlib, random, time
        from pivot import stage

        NUMBER = random.random()
        try:
            pathlib.Path("mine").mkdir()
        except FileExistsError:
            pathlib.Path("again").touch()
            time.sleep(300)

        @stage
        def a():
            print(NUMBER)
        """,
    )
    assert windows.pivot("list").stdout.split()[0] == "a"
    assert (windows.root / "again").exists()


def test_what_loading_prints_is_shown_once(windows: Typed) -> None:
    windows.write("pipeline.py", "print('hello')\n" + windows.read("pipeline.py"))
    result = windows.pivot("run")
    assert (result.stdout + result.stderr).count("hello") == 1


def test_debugging_runs_stages_in_the_terminal(windows: Typed) -> None:
    windows.write("pipeline.py", "from pivot import stage\n\n@stage\ndef a():\n    print('here I am')\n")
    assert "here I am" in windows.pivot("run", "--debug").stdout


def test_settings_for_processes_that_serve_many_are_accepted(windows: Typed) -> None:
    assert windows.ran(PIVOT_ISOLATION="worker", PIVOT_KEEP_WARM="60") == {"a", "b", "c"}
    assert windows.read("b/c/d.txt") == "40False"


def test_one_run_at_a_time(windows: Typed) -> None:
    beating(windows)
    process = windows.start("run")
    windows.until_it_writes(process, "beats")
    assert "another process runs this pipeline" in windows.pivot("run", code=2).stderr
    process.kill()
    process.communicate()


def test_a_stage_whose_process_ends_fails_by_name(windows: Typed) -> None:
    windows.write("pipeline.py", "import os\nfrom pivot import stage\n\n@stage\ndef a():\n    os._exit(3)\n")
    assert "a  failed" in windows.pivot("run", code=1).stdout
    assert "exit code 3" in windows.pivot("run", code=1).stdout


def test_nothing_is_left_of_stages_whose_loader_is_killed(windows: Typed) -> None:
    beating(windows)
    windows.write("pipeline.py", LONG.replace("time.sleep(300)", "os.kill(os.getppid(), 15); time.sleep(300)", 1))
    windows.write("pipeline.py", "import os\n" + windows.read("pipeline.py"))
    assert "the process that runs stages ended" in windows.pivot("run", code=1).stdout
    assert until_it_beats_no_more(windows)


def test_what_a_stage_leaves_is_told_and_ended(windows: Typed) -> None:
    beating(windows)
    windows.write("quick", "")
    assert "left 1 process running; ended it" in windows.pivot("run").stderr
    assert until_it_beats_no_more(windows)
    assert windows.ran() == set()


def test_nothing_is_left_of_a_run_that_is_killed(windows: Typed) -> None:
    beating(windows)
    process = windows.start("run")
    windows.until_it_writes(process, "beats")
    process.kill()
    process.communicate()
    assert until_it_beats_no_more(windows)
    windows.write("quick", "")
    assert windows.ran() == {"long"}


def test_an_interrupt_ends_a_run_and_all_that_it_started(windows: Typed) -> None:
    beating(windows)
    result = interrupted(windows, "beats")
    assert result.returncode == 130
    assert "1 cancelled" in result.stdout
    assert until_it_beats_no_more(windows)
    assert not (windows.root / ".pivot/stages/long.lock").exists()


def test_an_interrupt_ends_loading(windows: Typed) -> None:
    windows.write("pipeline.py", "import time\nopen('loading', 'w').close()\ntime.sleep(300)\n")
    result = interrupted(windows, "loading")
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def beating(project: Typed) -> None:
    """A pipeline whose stage starts a process that writes as long as it lives."""
    project.write("beats.py", BEATS)
    project.write("pipeline.py", LONG)


def interrupted(project: Typed, path: str) -> "subprocess.CompletedProcess[str]":
    """`pivot run` that gets a Ctrl-C when `path` is there."""
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED, path],
        cwd=project.root,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def until_it_beats_no_more(project: Typed) -> bool:
    beats, deadline = project.root / "beats", time.monotonic() + 30
    while time.monotonic() < deadline:
        before = beats.stat().st_size
        time.sleep(1)
        if beats.stat().st_size == before:
            return True
    return False
