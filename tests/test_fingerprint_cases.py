"""The table of code changes, as a user meets it: run, edit, run again; the stages that ran are those the table says.

Starting `pivot` and loading a project costs more than the stages of a case, so those that allow it share projects.
"""

from collections.abc import Iterable, Iterator, Sequence

import pytest
from fingerprint_cases import ALL_CASES, Case
from fingerprint_cases.together import Together, can_share, stages
from typed import Typed

_STAGES = 250  # in a project: with more, each takes longer, since what its process is forked from is larger


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Cases that share a project."""
    batch: list[Case] = []
    for case in cases:
        if sum(map(stages, batch)) + stages(case) > _STAGES:
            yield batch
            batch = []
        batch.append(case)
    yield batch


_SHARING = [case for case in ALL_CASES if can_share(case)]
_ALONE = [case for case in ALL_CASES if not can_share(case)]
_BATCHES = list(_batches(_SHARING))


def test_every_case_is_typed() -> None:
    """Most cases can share a project; each of the others has one."""
    assert sorted(case.name for case in (*_SHARING, *_ALONE)) == sorted(case.name for case in ALL_CASES)
    assert len(_SHARING) > len(_ALONE)


def _again(project: Typed, cases: Case | Together) -> set[str]:
    cases.write(project.root)
    first = project.run("-j", "1", "--force")
    assert set(first.values()) == {"ran"}, first
    cases.apply(project.root)
    second = project.run("-j", "1")
    return {stage for stage, outcome in second.items() if outcome != "up to date"}


@pytest.mark.parametrize("case", _ALONE, ids=lambda case: case.name)
def test_an_edit_runs_what_depends_on_it(case: Case, project: Typed) -> None:
    assert _again(project, case) == case.reruns, case.why


@pytest.mark.parametrize("cases", _BATCHES, ids=lambda cases: f"{cases[0].name} to {cases[-1].name}")
def test_edits_run_what_depends_on_them(cases: Sequence[Case], project: Typed) -> None:
    together = Together(cases)
    wrong = together.wrong(_again(project, together))
    assert not wrong, "\n".join(wrong)
