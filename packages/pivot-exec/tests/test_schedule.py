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


@given(graphs(), st.integers(1, 4), st.booleans(), st.data())
def test_every_stage_ends_once_after_its_upstreams_and_within_the_jobs(
    upstreams: dict[str, list[str]], jobs: int, keep_going: bool, data: st.DataObject
) -> None:
    schedule = Schedule(upstreams, jobs, keep_going=keep_going)
    ended: dict[str, str] = {}
    running: list[str] = []

    def end(stage: str, outcome: str) -> None:
        assert stage not in ended
        ended[stage] = outcome

    todo: list[Instruction] = schedule.begin()
    while todo or running:
        if data.draw(st.integers(0, 30)) == 0:
            todo += schedule.interrupt()
        if not todo:
            stage = running.pop(data.draw(st.integers(0, len(running) - 1)))
            ok = data.draw(st.booleans())
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
                assert len(running) <= jobs
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
