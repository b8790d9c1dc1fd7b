"""Which command lines have the process that loads the pipeline started before anything else."""

from pathlib import Path

import pytest
from pivot_cli import entry


@pytest.mark.parametrize(
    ("arguments", "changed", "early"),
    [
        (["run"], False, False),
        (["run"], True, True),
        (["run", "-f", "one"], False, True),
        (["run", "--force"], False, True),
        (["run", "-f", "-n"], False, False),
        (["run", "--dry-run"], True, False),
        (["run", "--help"], True, False),
        (["run", "--debug"], True, False),
        (["status"], True, False),
        ([], True, False),
    ],
)
def test_what_will_run_stages_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], *, changed: bool, early: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".pivot" / "stages").mkdir(parents=True)
    assert entry._will_run_stages(arguments, changed=changed) == early


def test_the_first_run_of_a_project_will(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry._will_run_stages(["run"], changed=False)
