"""What one load depended on, as data that is kept between runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pivot_core.observation import Observed, Searched

OBSERVED = Observed(
    files={"/p/a.yaml": "xxh3:00", "/p/b.yaml": ""},
    looked_up={"/p/c": "", "/p/d": "stat 1 2 3 4"},
    listed={"/p": "xxh3:01"},
    searched={"/p": Searched(("helpers", "*.py"), "xxh3:02")},
    variables={"A": None, "B": "x"},
    always="xxh3:03",
)


def test_an_observation_survives_json() -> None:
    assert Observed.from_data(json.loads(json.dumps(OBSERVED.to_data()))) == OBSERVED


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": {"/p": 1}},
        {"looked_up": {"/p": None}},
        {"looked_up": {"/p": "exec 1"}},
        {"listed": {"/p": ["x"]}},
        {"searched": {"/p": []}},
        {"searched": {"/p": ["xxh3:02", 1]}},
        {"searched": {"/p": "xxh3:02"}},
        {"variables": {"A": 1}},
        {"always": None},
        {"problem": 1},
        {"unknown": {}},
    ],
    ids=str,
)
def test_malformed_data_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Observed.from_data({**OBSERVED.to_data(), **change})


@pytest.mark.parametrize("data", [None, [], {}, "x", {"files": {}}])
def test_what_is_no_observation_is_refused(data: object) -> None:
    with pytest.raises(ValueError):
        Observed.from_data(data)
