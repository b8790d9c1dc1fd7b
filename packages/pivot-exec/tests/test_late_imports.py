"""What stages import: it is done for each, unless it does nothing but define things."""

import os
from pathlib import Path

import pytest
from isolated import Runner


def test_a_module_that_a_stage_imports_is_imported_anew_by_the_next(runner: Runner) -> None:
    """What importing it does, it does in each stage that imports it."""
    (runner.root / "late.py").write_text("import os\nos.environ['LATE'] = '1'\nITEMS = []\n")
    runner.load("""
        @stage
        def one():
            import late
            late.ITEMS.append(1)
            print(os.environ["LATE"], late.ITEMS)
    """)
    assert runner.printed("one") == runner.printed("one") == "1 [1]"


def test_a_library_that_an_earlier_stage_imported_is_the_same_for_each(runner: Runner) -> None:
    runner.load("""
        @stage
        def imports(): import colorsys; print(os.getpid())
        @stage
        def sets(): os.environ["X"] = "1"; import colorsys; print(os.getpid())
        @stage
        def replaces(): sys.modules["colorsys"] = os; print(os.getpid())
        @stage
        def look(): import colorsys; print(os.getpid(), hasattr(colorsys, "rgb_to_hsv"))
    """)
    pid = runner.printed("imports")
    if runner.project.settings.isolation == "worker":
        assert runner.printed("sets") == runner.printed("sets") == pid
    replaced = runner.printed("replaces")
    other, found = runner.printed("look").split()
    assert (other == replaced, found) == (False, "True")


def test_what_importing_a_library_does_is_done_for_each_stage(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    place = runner.root.parent / f"{runner.root.name}-site" / "site-packages"
    place.mkdir(parents=True)
    (place / "somelib.py").write_text("import os\nos.environ['SOMELIB'] = '1'\n")
    monkeypatch.setenv("PYTHONPATH", f"{place}:{os.environ.get('PYTHONPATH', '')}")
    runner.load("""
        @stage
        def one():
            name = "somelib"
            __import__(name)
            print(os.environ["SOMELIB"])
    """)
    assert runner.printed("one") == runner.printed("one") == "1"


@pytest.mark.parametrize(
    ("late", "is_ahead"),
    [
        ("X = 1", True),
        ("import os; os.environ['LATE'] = '1'", False),
        ("import threading, time; threading.Thread(target=time.sleep, args=(300,), daemon=True).start()", False),
        ("import atexit; atexit.register(print)", False),
        ("print('hello')", False),
        ("HELD = open('/dev/null')", False),
        ("import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass", False),
    ],
    ids=["harmless", "variable", "thread", "exit handler", "prints", "file", "slow"],
)
def test_what_libraries_import_late_is_imported_ahead_if_it_does_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, is_ahead: bool
) -> None:
    package = tmp_path / "site-packages" / "somelib"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "late.py").write_text(late)
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}:{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "project").mkdir()
    runner = Runner(tmp_path / "project", "stage")
    with runner.executor:
        runner.load("""
            import importlib, somelib, time
            @stage
            def look():
                print("somelib.late" in sys.modules)
                importlib.import_module("somelib.late")
        """)
        seen = [runner.printed("look").split()[0]]
        while len(seen) < (30 if is_ahead else 5) and seen[-1] == "False":
            seen.append(runner.printed("look").split()[0])
    assert seen[0] == "False"
    assert (seen[-1] == "True") == is_ahead
