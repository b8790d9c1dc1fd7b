"""The scheduler's promises, for any graph, any outcome of stages and any moment of an interrupt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_exec.schedule import Block, Decide, Drop, Instruction, Launch, Schedule


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    names = [f"s{number}" for number in range(draw(st.integers(0, 12)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else [] for at, name in enumerate(names)
    }


@given(graphs(), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.data())
def test_every_stage_ends_once_after_its_upstreams_and_within_the_jobs(
    upstreams: dict[str, list[str]], jobs: int, ahead: int, keep_going: bool, data: st.DataObject
) -> None:
    schedule = Schedule(upstreams, jobs, keep_going=keep_going)
    ended: dict[str, str] = {}
    running: list[str] = []
    written: list[str] = []

    def end(stage: str, outcome: str) -> None:
        assert stage not in ended
        ended[stage] = outcome

    todo: list[Instruction] = schedule.begin()
    while todo or running or written:
        if data.draw(st.integers(0, 30)) == 0:
            todo += schedule.interrupt()
        if not todo:
            stage = data.draw(st.sampled_from(running + written))
            if stage in running:
                running.remove(stage)
                if data.draw(st.booleans()):
                    written.append(stage)
                    todo += schedule.written(stage)
                    continue
            else:
                written.remove(stage)
            ok = data.draw(st.booleans())
            schedule.ahead = data.draw(st.integers(0, ahead))
            end(stage, "ok" if ok else "failed")
            todo += schedule.finished(stage, ok=ok)
            continue
        match todo.pop(0):
            case Decide(stage):
                assert all(ended.get(upstream) == "ok" for upstream in upstreams[stage])
                verdict = data.draw(st.sampled_from(["run", "run", "fine", "error"]))
                if verdict == "run":
                    todo += schedule.must_run(stage)
                elif verdict == "fine":
                    end(stage, "ok")
                    todo += schedule.up_to_date(stage)
                else:
                    end(stage, "failed")
                    todo += schedule.finished(stage, ok=False)
            case Launch(stage):
                running.append(stage)
                assert len(running) <= jobs + ahead
            case Block(stage, because):
                assert ended[because] == "failed"
                end(stage, "blocked")
            case Drop(stage):
                end(stage, "dropped")
    assert ended.keys() == upstreams.keys()
    assert schedule.done


def test_the_longest_path_goes_first() -> None:
    schedule = Schedule({"short": [], "long": [], "after": ["long"]}, 1, seconds={"after": 9.0})
    assert schedule.begin() == [Decide("long")]


def launched(schedule: Schedule, todo: list[Instruction]) -> list[str]:
    """Find that each stage must run, as long as it is asked for; returns what starts."""
    starts: list[str] = []
    while todo:
        match todo.pop(0):
            case Decide(stage):
                todo += schedule.must_run(stage)
            case Launch(stage):
                starts.append(stage)
    return starts


def test_another_stage_starts_while_what_one_wrote_is_stored() -> None:
    schedule = Schedule({"one": [], "two": [], "three": []}, 1)
    assert launched(schedule, schedule.begin()) == ["one"]
    assert launched(schedule, schedule.written("one")) == ["two"]
    assert launched(schedule, schedule.finished("one", ok=True)) == []
    assert launched(schedule, schedule.finished("two", ok=True)) == ["three"]


def test_none_starts_meanwhile_that_comes_after_what_waits_for_it() -> None:
    schedule = Schedule({"long": [], "short": [], "after": ["long"]}, 1, seconds={"after": 9.0, "short": 1.0})
    assert launched(schedule, schedule.begin()) == ["long"]
    assert launched(schedule, schedule.written("long")) == []
    assert launched(schedule, schedule.finished("long", ok=True)) == ["after"]


def test_a_cycle_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="a, b"):
        Schedule({"a": ["b"], "b": ["a"]}, 1)


def test_an_upstream_outside_of_the_run_is_refused() -> None:
    with pytest.raises(ValueError, match="b"):
        Schedule({"a": ["b"]}, 1)


def test_many_stages_are_ordered_without_recursion() -> None:
    schedule = Schedule({str(n): [str(n - 1)] if n else [] for n in range(20_000)}, 2)
    todo = schedule.begin()
    while todo:
        (instruction,) = todo
        todo = schedule.up_to_date(instruction.stage)
    assert schedule.done
