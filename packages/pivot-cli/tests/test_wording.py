"""Reasons, values and durations in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_cli import wording
from pivot_core import reasons as why
from pivot_core.reasons import CodeChange, Reason

OLD, NEW = "xxh3:5995c853" + "0" * 24, "xxh3:a1b2c3d4" + "0" * 24
HELPER = CodeChange("func", "lib.helper", OLD, NEW, "lib.py", 3)
OTHER = CodeChange("value", "lib.LIMIT", OLD, NEW, "lib.py", 1)

WORDS: list[tuple[Reason, str, str]] = [
    (why.NeverRun(), "no record yet", "No record yet"),
    (why.NeverRun("a.lock is cut off"), "a.lock is cut off", "No record (a.lock is cut off)"),
    (why.CodeChanged(()), "code changed", "Code dependency changed"),
    (why.CodeChanged((HELPER,)), "code changed: func:helper", "Code dependency changed"),
    (why.CodeChanged((HELPER, OTHER)), "code changed: func:helper and 1 more", "Code dependency changed"),
    (
        why.FormatChanged("1/3.13", "1/3.14"),
        "fingerprint format changed",
        "Fingerprint format changed (1/3.13 → 1/3.14)",
    ),
    (why.ParamChanged("lr", 1, 2), "param changed: lr", "Parameter changed"),
    (why.DepAdded("d"), "dep added: d", "Declared deps changed"),
    (why.DepRemoved("d"), "dep removed: d", "Declared deps changed"),
    (why.DepChanged("d", OLD, NEW), "dep changed: d", "Input dependency changed"),
    (why.DepMissing("d"), "dep missing: d", "Input dependency missing"),
    (why.OutAdded("o"), "out added: o", "Declared outs changed"),
    (why.OutRemoved("o"), "out removed: o", "Declared outs changed"),
    (why.OutMissing("o"), "out missing: o", "Output missing"),
    (why.OutChanged("o", OLD, NEW), "out changed: o", "Output changed since it was written"),
    (why.Forced(), "forced", "Forced"),
    (why.UpstreamPending(("a",)), "waits for: a", "Upstream must run first: a"),
    (why.UpstreamPending(("a", "b", "c")), "waits for: a and 2 more", "Upstream must run first: a, b, c"),
]


@pytest.mark.parametrize(("reason", "short", "title"), WORDS)
def test_a_reason_in_a_few_words_and_as_a_heading(reason: Reason, short: str, title: str) -> None:
    assert wording.short([reason]) == short
    assert wording.title(reason) == title


def test_every_kind_of_reason_has_words() -> None:
    assert {type(reason) for reason, _, _ in WORDS} == set(why.Reason.__value__.__args__)


def test_of_several_reasons_the_first_is_told_and_the_others_counted() -> None:
    assert wording.short([why.Forced(), why.DepMissing("d"), why.NeverRun()]) == "forced; 2 more reasons"


def test_no_reason_is_no_words() -> None:
    assert wording.short([]) == ""


def test_digests_are_cut_versions_are_not() -> None:
    version = CodeChange("dist", "pandas", "2.3.1.post20250101", None)
    assert wording.digits(OLD) == wording.code_value(HELPER, HELPER.old) == "5995c853"
    assert wording.digits(f"{OLD} executable") == "5995c853 executable"
    assert wording.code_value(version, version.old) == "2.3.1.post20250101"
    assert wording.code_value(version, version.new) == wording.digits(None) == "(none)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (False, "false"),
        ("", '""'),
        ("é", '"é"'),
        ({"b": [1], "a": None}, '{"a": null, "b": [1]}'),
        (None, "(none)"),
    ],
)
def test_values_of_params_are_told_from_each_other(value: object, text: str) -> None:
    """An empty text, a zero and a false are values; only None is none."""
    assert wording.param_value(value) == text


@pytest.mark.parametrize("now", [1.0, True, None, 2])
def test_of_nested_params_all_that_makes_a_stage_stale_is_told(now: object) -> None:
    changes = wording.param_changes("model", {"depth": 1, "rate": 0.1}, {"depth": now, "rate": 0.1})
    assert list(changes) == [("model.depth", 1, now)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00s"),
        (0.0049, "0.00s"),
        (9.994, "9.99s"),
        (9.996, "10.0s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (125, "2m05s"),
        (3599.4, "59m59s"),
        (3599.6, "1h00m"),
        (3720, "1h02m"),
        (360000, "100h00m"),
    ],
)
def test_durations_at_the_borders(value: float, text: str) -> None:
    assert wording.seconds(value) == text


@given(st.floats(0, 1e6))
def test_a_duration_is_right_within_the_last_unit_that_is_shown(value: float) -> None:
    text = wording.seconds(value)
    numbers = [(float(number), unit) for number, unit in re.findall(r"([\d.]+)([hms])", text)]
    assert "".join(f"{number}{unit}" for number, unit in re.findall(r"([\d.]+)([hms])", text)) == text
    assert all(number < 60 for number, unit in numbers if unit != "h")
    shown = sum(number * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in numbers)
    last = {"h": 3600, "m": 60, "s": 10 ** -len(text.partition(".")[2].rstrip("s")) if "." in text else 1}[text[-1]]
    assert abs(shown - value) < last


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_longer_duration_never_looks_shorter(one: float, other: float) -> None:
    def shown(value: float) -> float:
        units = {"h": 3600, "m": 60, "s": 1}
        return sum(
            float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", wording.seconds(value))
        )

    assert (one <= other) <= (shown(one) <= shown(other) + 1e-9)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3.0, "just now"),
        (1.9, "just now"),
        (59.9, "59 s ago"),
        (60.0, "1 min ago"),
        (3599.0, "59 min ago"),
        (47.9 * 3600, "47 h ago"),
        (49 * 3600.0, "2 days ago"),
    ],
)
def test_how_long_ago_something_was(seconds: float, words: str) -> None:
    assert wording.ago(seconds) == words
