"""`pivot run --isolation worker`: the same results, and nothing is left behind, however it ends."""

import signal

import pytest
from typed import Typed

PIPELINE = """
    import os, pathlib, subprocess, sys, time
    from pivot import stage

    def write(name):
        os.environ["LEAK"] = "1"
        os.chdir("/")
        with open(f"{ROOT}/{name}.pid", "w") as file:
            file.write(str(os.getpid()))

    ROOT = os.getcwd()
    ITEMS = []

    @stage(outs="a.pid")
    def a():
        assert "LEAK" not in os.environ and os.getcwd() == ROOT
        write("a")

    @stage(deps="a.pid", outs="b.pid")
    def b():
        assert "LEAK" not in os.environ and os.getcwd() == ROOT
        write("b")
        ITEMS.append(1)

    @stage(deps="b.pid", outs="c.pid")
    def c():
        assert not ITEMS
        write("c")

    @stage(deps="c.pid", outs="d.pid")
    def d():
        subprocess.Popen(["sleep", "300"])
        if sys.platform == "linux":  # elsewhere no process adopts what is left
            subprocess.Popen(["sleep", "300"], start_new_session=True)
        write("d")
        time.sleep(float(os.environ.get("SLOW", 0)))
    """


def test_one_worker_serves_stages_until_one_changes_what_the_others_would_see(project: Typed) -> None:
    project.write("pipeline.py", PIPELINE)
    assert project.ran("--isolation", "worker", MARK=str(project.root)) == {"a", "b", "c", "d"}
    a, b, c, d = (project.read(f"{name}.pid") for name in "abcd")
    assert a == b
    assert b != c
    assert c == d
    assert project.nothing_left()
    assert project.ran() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_the_run_ends(project: Typed, number: int) -> None:
    project.write("pipeline.py", PIPELINE)
    process = project.start("run", MARK=str(project.root), PIVOT_ISOLATION="worker", SLOW="300")
    project.until_it_writes(process, "d.pid")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert project.nothing_left()
    assert project.ran() == {"d"}


@pytest.mark.parametrize("isolation", ["stage", "worker"])
def test_what_stages_write_to_a_file_that_the_pipeline_has_opened_is_complete(project: Typed, isolation: str) -> None:
    project.write(
        "pipeline.py",
        """
        from pivot import stage

        LOG = open("runs.log", "a")
        LOG.write("loaded\\n")

        @stage(outs="a.txt")
        def a():
            LOG.write("a\\n")
            open("a.txt", "w").close()

        @stage(deps="a.txt", outs="b.txt")
        def b():
            LOG.write("b\\n")
            open("b.txt", "w").close()
        """,
    )
    project.ran("--isolation", isolation)
    assert project.read("runs.log") == "loaded\na\nb\n"


@pytest.mark.parametrize("isolation", ["stage", "worker"])
def test_what_stages_write_to_a_file_that_a_library_has_opened_is_complete(project: Typed, isolation: str) -> None:
    """It is imported before the project, in another process than the one that loads that."""
    library = project.root / "lib" / "site-packages"
    library.mkdir(parents=True)
    log = library / "runs.log"
    (library / "logs_runs.py").write_text(f"LOG = open({str(log)!r}, 'a')\nLOG.write('imported ')\n")
    project.write(
        "pipeline.py",
        """
        import logs_runs
        from pivot import stage

        def write(name):
            logs_runs.LOG.write(name)
            open(name, "w").close()

        for name in "ab":
            stage(write, name=name, outs=name, params={"name": name})
        """,
    )
    project.ran("-j1", "--isolation", isolation, PYTHONPATH=str(library))
    assert log.read_text() == "imported ab"
