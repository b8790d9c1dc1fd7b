"""The table of code changes, as a user meets it: run, edit, run again; the stages that ran are those the table says."""

import pytest
from fingerprint_cases import ALL_CASES, Case
from typed import Typed


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_an_edit_runs_what_depends_on_it(case: Case, project: Typed) -> None:
    case.write(project.root)
    first = project.run("-j", "1", "--force")
    assert set(first.values()) == {"ran"}
    case.apply(project.root)
    second = project.run("-j", "1")
    assert {stage for stage, outcome in second.items() if outcome != "up to date"} == case.reruns, case.why
