"""The profile of a run adds up."""

from __future__ import annotations

import threading

import pytest
from pivot_cli import profile
from pivot_cli.profile import Profile


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(profile.time, "perf_counter", clock.perf_counter)
    monkeypatch.setattr(profile, "seconds_since_start", lambda: 0.5)
    return clock


def rows(taken: Profile) -> dict[str, tuple[int, float]]:
    return {line[:-18].strip(): (int(line[-18:-9]), float(line[-9:])) for line in taken.lines()[1:]}


def test_a_phase_within_another_counts_once(clock: Clock) -> None:
    taken = Profile()
    with taken.timed("outer"):
        clock.now += 1
        with taken.timed("inner"):
            clock.now += 2
        clock.now += 4
        with taken.timed("inner"):
            clock.now += 8
    assert rows(taken) == {"inner": (2, 10.0), "outer": (1, 5.0), "start": (1, 0.5)}


def test_a_phase_that_raised_counts(clock: Clock) -> None:
    taken = Profile()
    with pytest.raises(KeyError), taken.timed("plan"):
        clock.now += len({}["what is not there"])
    assert rows(taken)["plan"] == (1, 0.0)


def test_threads_do_not_count_for_each_other(clock: Clock) -> None:
    taken = Profile()

    def elsewhere() -> None:
        with taken.timed("store"):
            clock.now += 2

    with taken.timed("wait"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert rows(taken) == {"wait": (1, 2.0), "store": (1, 2.0), "start": (1, 0.5)}


def test_the_longest_comes_first(clock: Clock) -> None:
    taken = Profile()
    taken.add("hash", 3.0, calls=7)
    assert taken.lines() == ["phase    calls   seconds", "hash         7     3.000", "start        1     0.500"]


def test_the_time_since_the_start_of_a_process_is_a_time_or_not_known() -> None:
    seconds = profile.seconds_since_start()
    assert seconds is None or seconds > 0
