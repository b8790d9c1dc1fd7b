"""macOS, as far as Linux can be made to look like it, see `platforms/`; and loading without processes."""

import subprocess
import sys
from pathlib import Path

import pytest
from typed import Typed


def test_pipelines_can_be_loaded_without_processes(project: Typed) -> None:
    """A runner of one's own, with pivot_core alone, loads in its own process."""
    project.write("pipeline.py", "from pivot import stage\n\n@stage(outs=['a.txt'])\ndef a():\n    pass\n")
    program = (
        "import os, pathlib\n"
        "if hasattr(os, 'fork'): del os.fork\n"
        "from pivot_core import InlineLoader, discover\n"
        "print(*InlineLoader().load(discover(pathlib.Path('.'))).stages)\n"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=project.root, env=project.environment(), capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("a\n", "")


PIPELINE = """
    import os, subprocess, time
    from pivot import stage
    from helpers import double

    ITEMS = []

    @stage(outs="a.txt")
    def a():
        ITEMS.append(os.getpid())
        open("a.txt", "w").write(str(double(len(ITEMS))))

    @stage(deps="a.txt", outs="b.txt")
    def b():
        subprocess.Popen(["sleep", "300"])
        open("b.txt", "w").write(open("a.txt").read() + str(len(ITEMS)))

    @stage(outs="c.txt")
    def c():
        time.sleep(float(os.environ.get("SLOW", 0)))
        open("c.txt", "w").write("c")
    """
like_macos = pytest.mark.skipif(sys.platform != "linux", reason="made from what Linux tells")


@pytest.fixture
def mac(project: Typed) -> Typed:
    project.variables = {"PYTHONPATH": str(Path(__file__).with_name("platforms") / "macos"), "MARK": str(project.root)}
    project.write("helpers.py", "def double(x):\n    return x * 2\n")
    project.write("pipeline.py", PIPELINE)
    return project


@like_macos
@pytest.mark.parametrize("isolation", ["stage", "worker"])
def test_on_macos_what_changed_runs_apart_and_leaves_nothing(mac: Typed, isolation: str) -> None:
    told = mac.pivot("run", PIVOT_ISOLATION=isolation)
    assert "3 ran" in told.stdout
    assert "left 1 process running; ended it" in told.stderr
    assert mac.read("b.txt") == "20"
    assert mac.ran() == set()
    mac.write("helpers.py", "def double(x):\n    return x * 2.0\n")
    assert "func:double" in mac.pivot("explain", "a").stdout
    assert mac.ran() == {"a", "b"}
    assert mac.nothing_left()


@like_macos
def test_on_macos_stages_end_with_a_main_process_that_is_killed(mac: Typed) -> None:
    process = mac.start("run", "c", SLOW="300")
    mac.until_it_writes(process, ".pivot/logs/c.log")
    process.kill()
    process.communicate()
    assert mac.nothing_left()


@like_macos
def test_on_macos_threads_that_libraries_start_are_seen(mac: Typed) -> None:
    """Of a thread that `threading` has not started Python knows nothing; forking would not be safe."""
    mac.write(
        "pipeline.py",
        """
        import _thread, time
        from pivot import stage

        _thread.start_new_thread(time.sleep, (300,))

        @stage
        def a():
            pass
        """,
    )
    assert "left 1 thread running" in mac.pivot("run").stderr
