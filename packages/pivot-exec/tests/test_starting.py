"""The base of a run is started early, prepared, and taken over; one that nobody takes ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pivot_core.config import Settings
from pivot_core.project import Project
from pivot_exec import starter, starting, warm


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pipeline.py").write_text("import early_library\n")
    return Project(tmp_path)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    starting.end_early()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux"


def test_a_run_takes_the_base_that_was_started_early(project: Project) -> None:
    starting.start_early()
    early = starting._early[0]
    starting.prepare_early(project)
    assert starting.base_for(project, debug=False) is early
    assert starting._early == []
    starting.end(early)


def test_a_base_that_was_prepared_for_another_project_is_ended(project: Project) -> None:
    starting.start_early()
    early = starting._early[0]
    starting.prepare_early(project)
    other = starting.base_for(Project(project.root, Settings(preload="none")), debug=False)
    assert other is not early
    assert not is_there(early.process.pid)
    starting.end(other)


def test_for_debugging_the_terminal_is_the_bases_own_so_an_early_one_will_not_do(project: Project) -> None:
    starting.start_early()
    early = starting._early[0]
    other = starting.base_for(project, debug=True)
    assert other is not early
    other.end.close()
    assert other.process.wait(20) == 0


def test_a_base_that_nobody_takes_is_ended_with_what_libraries_started(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, started = tmp_path / "site-packages", tmp_path / "started"
    place.mkdir()
    os.mkfifo(started)
    (place / "early_library.py").write_text(
        f"import os, subprocess\nwith open({str(started)!r}, 'w') as file:\n"
        "    file.write(str(subprocess.Popen(['sleep', '60']).pid))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(place))
    starting.start_early()
    starting.prepare_early(project)
    helper = int(started.read_text())
    assert is_there(helper)
    starting.end_early()
    end = time.monotonic() + 20
    while is_there(helper):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_base_that_is_told_nothing_ends_with_its_starter() -> None:
    base = starting.Base()
    base.end.close()
    assert base.process.wait(20) == 0


def test_an_interrupt_while_a_process_starts_shows_no_frames(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    )
    command = [sys.executable, starter.__file__, "interrupted", "0"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_a_process_has_none_of_the_descriptors_that_its_starter_was_given() -> None:
    """A lock that the user's shell holds for `pivot run` must not be held by what stays behind."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    base = starting.Base()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b""
    assert base.process.poll() is None
    starting.end(base)


def test_how_a_process_ended_is_known_as_often_as_it_is_asked_for() -> None:
    base = starting.Base()
    with pytest.raises(TimeoutError):
        base.process.wait(0.0)
    starting.end(base)
    assert base.process.wait() == base.process.poll() == -signal.SIGKILL


def test_a_base_that_was_started_early_ends_where_another_has_stayed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    starting.start_early()
    early = starting._early[0]
    place = warm._place(project)
    assert place is not None
    starting.prepare_early(project)
    assert early.process.poll() is None
    place.touch()
    starting.prepare_early(project)
    assert early.process.poll() is not None
    assert starting._early == []
