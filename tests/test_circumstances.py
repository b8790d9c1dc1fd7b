"""What never counts: where and how the command is typed, and what of the files is not their text."""

import compileall
import os
import shutil
from pathlib import Path

import pytest
from typed import Typed

PIPELINE = """
    import os
    import threading
    from pathlib import Path

    from pivot import stage

    import settings
    from helpers import double

    HERE = Path(__file__).parent
    NAMES = {"a", "b", "c", f"{HERE}/d"}

    @stage(outs=["live.txt"])
    def live():
        out = HERE / "live.txt"
        out.write_text(str((double(settings.RATE), len(NAMES))))

    @stage(outs=["lazy.txt"])
    def lazy():
        import late

        Path("lazy.txt").write_text(str((late.TABLE["x"], sorted(late.KINDS), os.path.basename(late.FILE))))
    """


@pytest.fixture
def here(project: Typed) -> Typed:
    project.write("pipeline.py", PIPELINE)
    project.write("helpers.py", "def double(x):\n    return 2 * x\n")
    project.write("settings.py", "RATE = 3\n")
    project.write("late.py", "FILE = __file__\nKINDS = {'x', 'y', 'z'}\nTABLE = {kind: len(kind) for kind in KINDS}\n")
    project.write("sub/notes.md", "")
    assert project.ran() == {"live", "lazy"}
    return project


def test_the_hash_seed_does_not_count(here: Typed) -> None:
    for seed in ("1", "2"):
        assert here.ran("--reload", PYTHONHASHSEED=seed) == set()


def test_times_of_files_and_bytecode_do_not_count(here: Typed) -> None:
    sources = list(here.root.glob("*.py"))
    for path in sources:
        os.utime(path, (1, 1))
    assert here.ran("--reload") == set()
    for path in sources:
        assert compileall.compile_file(path, quiet=1)
    assert here.ran("--reload") == set()
    shutil.rmtree(here.root / "__pycache__")
    assert here.ran("--reload") == set()


def test_the_working_directory_does_not_count(here: Typed) -> None:
    assert Typed(here.root / "sub").ran("--reload") == set()


def test_where_the_checkout_is_does_not_count(here: Typed, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = Path(shutil.move(here.root, tmp_path_factory.mktemp("another place") / "deeper"))
    assert Typed(elsewhere).ran("--reload") == set()


@pytest.mark.parametrize("options", [["--isolation", "worker"], ["--debug"], ["-j", "1"]], ids=" ".join)
def test_the_kind_of_process_does_not_count(here: Typed, options: list[str]) -> None:
    assert here.ran("--reload", *options) == set()


def test_processes_that_load_for_themselves_see_the_same(here: Typed) -> None:
    """A thread that loading leaves keeps stages from being forked; what they rest on is the same all the same."""
    thread = "\n    THREAD = threading.Thread(target=threading.Event().wait, daemon=True)\n    THREAD.start()\n"
    here.write("pipeline.py", PIPELINE + thread)
    assert here.ran() == set()
    (here.root / "live.txt").unlink()
    shutil.rmtree(here.root / ".pivot/cache")
    assert here.ran() >= {"live"}
    here.write("pipeline.py", PIPELINE)
    assert here.ran() == set()
