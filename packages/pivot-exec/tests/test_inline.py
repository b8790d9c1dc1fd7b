"""Stages for a debugger: in the loader's own process, one after the other, each with the terminal."""

import bdb
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pivot_core.interfaces import Started
from pivot_core.project import Project
from pivot_exec import inline
from pivot_exec.messages import Cancel, Ended, Run, Work
from pivot_exec.wire import Channel, packed


class Loader:
    """The loader's side: what serves is this process, until nothing more is asked."""

    def __init__(self, root: Path) -> None:
        self._project = Project(root)
        one, other = socket.socketpair()
        self._asking, self._serving = Channel(one), Channel(other)
        self._end = one

    def run(self, *functions: Callable[..., object], **params: Any) -> list[object]:
        """Ask for a run of each function, and return what was answered."""
        for function in functions:
            self.ask(Run(f"task of {function.__name__}", packed(self.work(function.__name__, params))))
        return self.answers({function.__name__: function for function in functions})

    def work(self, stage: str, params: dict[str, Any]) -> Work:
        return Work(stage, params, "", {"PIVOT_STAGE": stage, "PIVOT_TEST_GIVEN": "given"})

    def ask(self, message: object) -> None:
        self._asking.send(message)

    def answers(self, functions: dict[str, Callable[..., object]]) -> list[object]:
        self._end.shutdown(socket.SHUT_WR)
        with pytest.raises(SystemExit):
            inline.serve(self._serving, self._project, functions)
        self._serving.close()
        answers = []
        try:
            while True:
                answers.append(self._asking.receive())
        except EOFError:
            return answers

    def close(self) -> None:
        self._asking.close()
        self._serving.close()


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loader]:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "project"
    root.mkdir()
    loader = Loader(root)
    yield loader
    loader.close()


def error_of(answers: list[object]) -> str:
    started, ended = answers
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert started.task == ended.task
    return ended.error


def test_a_stage_runs_in_this_process_with_its_params_in_the_root(loader: Loader, tmp_path: Path) -> None:
    seen: list[object] = []

    def stage(rate: float) -> None:
        seen.extend([os.getpid(), rate, Path.cwd(), os.environ["PIVOT_STAGE"], os.environ["PIVOT_TEST_GIVEN"]])

    answers = loader.run(stage, rate=0.5)
    assert error_of(answers) == ""
    assert answers[0] == Started("task of stage", os.getpid())
    assert seen == [os.getpid(), 0.5, tmp_path / "project", "stage", "given"]


def test_stages_run_in_the_order_of_asking_and_each_is_answered(loader: Loader) -> None:
    ran: list[str] = []

    def first() -> None:
        ran.append("first")

    def second() -> None:
        ran.append("second")

    answers = loader.run(first, second)
    assert ran == ["first", "second"]
    assert [type(answer) for answer in answers] == [Started, Ended, Started, Ended]


def test_environment_and_working_directory_are_put_back_for_the_next(loader: Loader, tmp_path: Path) -> None:
    seen: list[object] = []

    def first() -> None:
        os.environ["PIVOT_TEST_LEFT"] = "left"
        del os.environ["PATH"]
        os.chdir("/")

    def second() -> None:
        seen.extend(["PIVOT_TEST_LEFT" in os.environ, "PATH" in os.environ, Path.cwd()])

    before = dict(os.environ)
    loader.run(first, second)
    assert seen == [False, True, tmp_path / "project"]
    assert dict(os.environ) == before


def exits(code: object) -> Callable[[], None]:
    def stage() -> None:
        raise SystemExit(code)

    return stage


def raises(error: BaseException) -> Callable[[], None]:
    def stage() -> None:
        raise error

    return stage


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        (exits(None), ""),
        (exits(0), ""),
        (exits(3), "exit code 3"),
        (raises(ValueError("bad data")), "ValueError: bad data"),
        (raises(KeyboardInterrupt()), "KeyboardInterrupt"),
        (raises(bdb.BdbQuit()), "BdbQuit"),
    ],
)
def test_how_a_stage_ends_is_told(loader: Loader, stage: Callable[[], None], error: str) -> None:
    """Also where a debugger is quit, or Ctrl-C typed in it."""
    assert error_of(loader.run(stage)) == error


def test_the_traceback_has_the_users_frames_and_none_of_ours(
    loader: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    loader.run(raises(ValueError("bad data")))
    shown = capsys.readouterr().err
    assert "raise error" in shown
    assert "ValueError: bad data" in shown
    assert "pivot_exec" not in shown


def test_what_is_printed_goes_to_the_terminal(loader: Loader, capfd: pytest.CaptureFixture[str]) -> None:
    def stage() -> None:
        print("to the terminal")

    loader.run(stage)
    assert "to the terminal" in capfd.readouterr().out


def test_a_cancellation_is_left_to_the_terminal(loader: Loader) -> None:
    """Ctrl-C reaches the stage itself; there is nobody who could end it besides."""

    def stage() -> None:
        pass

    loader.ask(Cancel("task of stage", 5.0))
    assert error_of(loader.run(stage)) == ""
