"""Faults: whatever is killed or edited meanwhile, the next run is right, and nothing is left behind."""

import os
import py_compile
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from typed import Typed

SLOW = """
    import time
    from pivot import stage

    @stage(outs="a.txt")
    def a():
        with open("a.txt", "w") as file:
            file.write("half ")
            file.flush()
            time.sleep(0.3)
            file.write("whole")

    @stage(deps="a.txt", outs="b.txt")
    def b():
        time.sleep(0.1)
        open("b.txt", "w").write(open("a.txt").read())
    """


@pytest.mark.parametrize("attempt", range(6))
def test_killed_at_any_moment(project: Typed, attempt: int) -> None:
    project.write("pipeline.py", SLOW)
    process = project.start("run", MARK=str(project.root))
    time.sleep(random.Random(attempt).uniform(0.05, 1.2))
    process.kill()
    process.communicate()
    assert project.nothing_left()
    project.run()
    assert project.read("b.txt") == "half whole"
    assert project.ran() == set()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_cleanly(project: Typed, number: int, code: int) -> None:
    project.write("pipeline.py", SLOW.replace("0.3", "30"))
    process = project.start("run", MARK=str(project.root))
    project.until_it_writes(process, "a.txt")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert project.nothing_left()


def test_a_helper_edited_while_it_runs_is_never_recorded_under_the_new_code(project: Typed) -> None:
    project.write("helper.py", "def value():\n    return 1\n")
    project.write(
        "pipeline.py",
        """
        import pathlib, time
        from pivot import stage

        @stage(outs="a.txt")
        def a():
            pathlib.Path("started").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
            from helper import value
            open("a.txt", "w").write(str(value()))
        """,
    )
    process = project.start("run")
    project.until_it_writes(process, "started")
    project.write("helper.py", "def value():\n    return 2\n")
    (project.root / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert project.read("a.txt") == "1"
    assert project.ran() == {"a"}
    assert project.read("a.txt") == "2"


def test_a_module_outside_of_the_project_never_runs_from_stale_bytecode(project: Typed) -> None:
    """As editable installs are, or what PYTHONPATH leads to: an edit of the same size that keeps the time."""
    project.write(
        "work/pipeline.py",
        """
        from pathlib import Path
        from pivot import stage

        @stage(outs="out.txt")
        def a():
            import elsewhere
            Path("out.txt").write_text(str(elsewhere.VALUE))
        """,
    )
    there = project.root / "lib" / "elsewhere.py"
    project.write("lib/elsewhere.py", "VALUE = 1\n")
    status = there.stat()
    py_compile.compile(str(there), doraise=True)
    variables = {"PYTHONPATH": str(there.parent)}
    project.pivot("-C", "work", "run", **variables)
    assert project.read("work/out.txt") == "1"
    there.write_text("VALUE = 2\n")
    os.utime(there, ns=(status.st_atime_ns, status.st_mtime_ns))
    for isolation in ("stage", "worker"):
        project.pivot("-C", "work", "run", "--force", "--isolation", isolation, **variables)
        assert project.read("work/out.txt") == "2"


def test_an_input_changed_while_it_runs_is_not_recorded(project: Typed) -> None:
    project.write("in.txt", "1")
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage(deps="in.txt", outs="a.txt")
        def a():
            text = open("in.txt").read()
            open("a.txt", "w").write(text)
            if text == "1":
                open("in.txt", "w").write("2")
        """,
    )
    assert "input changed while it ran: in.txt" in project.pivot("run", code=1).stdout
    assert project.ran() == {"a"}
    assert project.read("a.txt") == "2"


def test_an_input_that_changed_and_came_back_while_it_ran_is_not_recorded(project: Typed) -> None:
    project.write("in.txt", "1")
    project.write(
        "pipeline.py",
        """
        import os
        import time
        from pivot import stage

        def wait_for(path):
            while not os.path.exists(path):
                time.sleep(0.01)

        @stage(deps="in.txt", outs="a.txt")
        def a():
            open("started", "w").close()
            wait_for("changed")
            open("a.txt", "w").write(open("in.txt").read())
            open("read", "w").close()
            wait_for("back")

        @stage(deps="a.txt", outs="b.txt")
        def b():
            open("b.txt", "w").write(open("a.txt").read())
        """,
    )
    process = project.start("run")
    project.until_it_writes(process, "started")
    project.write("in.txt", "another branch")
    project.write("changed", "")
    project.until_it_writes(process, "read")
    project.write("in.txt", "1")
    project.write("back", "")
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert "note: a: in.txt: written to while it ran, and then as before" in err
    assert project.read("b.txt") == "another branch"
    assert project.ran() == {"a", "b"}
    assert project.read("b.txt") == "1"


def test_same_second_same_size_edit(project: Typed) -> None:
    project.write("helper.py", "VALUE = 1\n")
    project.write(
        "pipeline.py",
        "import helper\nfrom pivot import stage\n@stage(outs='a.txt')\n"
        "def a(): open('a.txt', 'w').write(str(helper.VALUE))\n",
    )
    stamp = (1_700_000_000, 1_700_000_000)
    os.utime(project.root / "helper.py", stamp)
    project.run()
    project.write("helper.py", "VALUE = 2\n")
    os.utime(project.root / "helper.py", stamp)
    assert project.ran() == {"a"}
    assert project.read("a.txt") == "2"


@pytest.mark.parametrize(
    "body",
    [
        "import subprocess; subprocess.Popen(['sleep', '300'])",
        "import subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True)",
        "import threading, time; threading.Thread(target=time.sleep, args=(300,), daemon=True).start()",
        "import joblib; joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(n) for n in range(4))",
        "import concurrent.futures as f; pool = f.ProcessPoolExecutor(2); pool.submit(abs, 1).result()",
        "pass",
    ],
    ids=["child", "daemon", "thread", "joblib", "pool", "open file"],
)
def test_what_a_stage_leaves_behind_ends_with_it(project: Typed, body: str) -> None:
    project.write(
        "pipeline.py",
        f"""
        import os
        from pivot import stage

        @stage(outs="a.txt")
        def a():
            global file
            file = open("a.txt", "w")
            file.write("x" * 100)
            {body}
        """,
    )
    assert project.ran(MARK=str(project.root)) == {"a"}
    assert project.read("a.txt") == "x" * 100
    assert project.nothing_left()


@pytest.mark.parametrize(
    "top",
    [
        "import polars; FRAME = polars.DataFrame({'a': range(100_000)}).group_by('a').len()",
        "from concurrent.futures import ThreadPoolExecutor; POOL = ThreadPoolExecutor(2); POOL.submit(abs, 1).result()",
        "import numpy; from sklearn.cluster import KMeans; KMeans(2, n_init=1).fit(numpy.random.rand(5000, 3))",
    ],
    ids=["polars", "thread pool", "openmp"],
)
def test_threads_at_module_level_do_not_hang(project: Typed, top: str) -> None:
    project.write(
        "pipeline.py",
        f"""
        {top}
        from pivot import stage

        @stage(outs="a.txt")
        def a():
            import polars
            n = polars.DataFrame({{"a": range(1000)}}).group_by("a").len().height
            open("a.txt", "w").write(str(n))
        """,
    )
    assert project.ran() == {"a"}
    assert project.read("a.txt") == "1000"


@pytest.mark.skipif(sys.platform == "win32", reason="no process is forked there")
@pytest.mark.parametrize("isolation", ["stage", "worker"])
def test_where_the_system_allows_no_further_process_stages_wait_or_say_so(project: Typed, isolation: str) -> None:
    """As with `ulimit -u`, which does not hold for root. What the pipeline sets holds where stages are forked."""
    project.write(
        "pipeline.py",
        """
        import os
        from pivot import stage

        MOST = int(os.environ["MOST"])
        forked = []

        def is_there(pid):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return False
            return True

        def fork(real=os.fork):
            if sum(map(is_there, forked)) >= MOST:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            forked.append(real())
            return forked[-1]

        os.fork = fork

        def write(name):
            open(name, "w").close()

        for number in range(4):
            stage(write, name=f"s{number}", outs=f"{number}.txt", params={"name": f"{number}.txt"})
        """,
    )
    options = ["-j2", "--isolation", isolation]
    err = project.pivot("run", *options, code=1, MOST="0").stderr
    assert "could not be started: Resource temporarily unavailable" in err
    assert "hint: The system allows no further process" in err
    assert project.ran(*options, MOST="1") == {"s0", "s1", "s2", "s3"}


def test_one_run_at_a_time(project: Typed) -> None:
    waits = "while not __import__('os').path.exists('go'): time.sleep(0.01)"
    project.write("pipeline.py", SLOW.replace("time.sleep(0.3)", waits))
    first = project.start("run")
    project.until_it_writes(first, "a.txt")
    assert str(first.pid) in project.pivot("run", code=2).stderr
    (project.root / "go").touch()
    assert set(project.run("--wait").values()) == {"up to date"}
    first.communicate()
    assert first.returncode == 0


def test_a_stage_whose_process_ends_before_it_has_returned_has_failed(project: Typed) -> None:
    """Also where it ends with 0, and there is no out that could be missing."""
    project.write("pipeline.py", "import os\nfrom pivot import stage\n\n@stage\ndef a():\n    os._exit(0)\n")
    for isolation in ("stage", "worker"):
        failed = project.pivot("run", "--isolation", isolation, code=1)
        assert "ended before the stage had returned" in failed.stderr


def test_a_stage_that_returns_a_coroutine_has_failed(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        async def later(): ...

        @stage
        def a():
            return later()
        """,
    )
    assert "a coroutine that nobody runs" in project.pivot("run", code=1).stderr


def test_a_function_that_params_do_not_fit_is_refused_before_anything_runs(project: Typed) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        @stage
        def a():
            open("ran", "w").close()

        @stage(params={"top_k": 1, "seed": 2})
        def needs(topk, seed): ...
        """,
    )
    refused = project.pivot("run", code=2).stderr
    error = "pipeline.py:8: needs(topk, seed) cannot be called with its params (seed, top_k): missing a required"
    assert error in refused
    assert not (project.root / "ran").exists()


def test_a_stage_that_finds_no_room_for_its_traceback_still_says_why_it_failed(project: Typed) -> None:
    """A full disk leaves no room for the log either."""
    project.write(
        "pipeline.py",
        """
        import os
        from pivot import stage

        @stage
        def a():
            os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
            raise OSError(28, "No space left on device")
        """,
    )
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    assert "OSError: [Errno 28] No space left on device" in project.pivot("run", code=1).stderr


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (".pivot/logs", "it could not be started: [Errno 20] Not a directory"),
        (".pivot/cache", "a: cannot be stored: Not a directory"),
    ],
)
def test_a_file_in_the_place_of_a_directory_of_ours_is_named_with_what_to_do(
    project: Typed, taken: str, told: str
) -> None:
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs='a')\ndef a(): open('a', 'w').close()\n")
    project.write(taken, "")
    failed = project.pivot("run", code=1).stderr
    assert told in failed
    assert "See what stands in the way there" in failed
    (project.root / taken).unlink()
    assert project.ran() == {"a"}
