"""A base that stays after a run, by itself."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pivot_core.project import Project
from pivot_exec import starting
from pivot_exec.messages import Setup
from pivot_exec.warm import Stayed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the base of the project at `tmp_path` waits."""
    with tempfile.TemporaryDirectory() as short:  # a socket's path has 107 bytes at most
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        Path(short, "pivot").mkdir(mode=0o700)
        yield starting.place_of_kept(str(tmp_path))


def test_a_base_does_not_wait_for_one_that_was_stopped(place: str, tmp_path: Path) -> None:
    """Nor does it take the other's place: that goes on when it is continued."""
    with ExitStack() as stack:

        def end() -> socket.socket:
            return stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))

        stopped = end()
        stopped.bind(place)
        stopped.listen(0)
        while True:
            waiting = end()
            waiting.setblocking(False)
            if waiting.connect_ex(place):
                break
        project = Project(tmp_path)
        base = Stayed(project, imports_first=False)
        base.listen(project)
        assert base.next(Setup(project), 60.0) is None
        assert Path(place).is_socket()
