"""Names as short as they are unambiguous."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_cli.names import Named, shortened

KINDS = st.sampled_from(["func", "class", "value", "file", "dist", "module"])
DOTTED = st.lists(st.sampled_from(["a", "b", "_impl", "<locals>", "é"]), min_size=1, max_size=4).map(".".join)
NAMED = st.lists(st.tuples(KINDS, DOTTED), max_size=12)


def test_a_name_that_nothing_shares_is_its_last_part() -> None:
    assert shortened([("func", "src.utils.helper_a")]) == {("func", "src.utils.helper_a"): "func:helper_a"}


def test_two_of_one_name_keep_as_many_parts_as_tell_them_apart() -> None:
    assert list(shortened([("func", "a.x.impl"), ("func", "b.x.impl"), ("func", "b.y.impl")]).values()) == [
        "func:a.x.impl",
        "func:b.x.impl",
        "func:y.impl",
    ]


def test_a_name_is_told_from_those_that_did_not_change_too() -> None:
    assert list(shortened([("func", "a.impl")], others=[("func", "b.impl")]).values()) == ["func:a.impl"]


def test_things_of_different_kinds_do_not_lengthen_each_other() -> None:
    assert list(shortened([("func", "a.x"), ("value", "b.x")]).values()) == ["func:x", "value:x"]


def test_a_name_that_is_the_end_of_another_stays_whole() -> None:
    assert list(shortened([("func", "impl"), ("func", "a.impl")]).values()) == ["func:impl", "func:a.impl"]


@pytest.mark.parametrize("name", [("file", "data/a.b.csv"), ("dist", "zope.interface"), ("module", "a.b")])
def test_what_is_no_definition_stays_whole(name: Named) -> None:
    assert shortened([name])[name] == ":".join(name)


@given(NAMED, NAMED)
def test_no_two_things_are_called_the_same(wanted: list[Named], others: list[Named]) -> None:
    names = shortened(wanted, others)
    assert set(names) == set(wanted)
    assert len(set(names.values())) == len(names)


@given(NAMED, NAMED)
def test_a_name_is_the_end_of_one_thing_alone_or_is_whole(wanted: list[Named], others: list[Named]) -> None:
    for (kind, name), shown in shortened(wanted, others).items():
        end = shown.removeprefix(f"{kind}:")
        meant = [one for one in {*wanted, *others} if one[0] == kind and f".{one[1]}".endswith(f".{end}")]
        assert meant == [(kind, name)] or end == name


@given(NAMED, NAMED)
def test_no_shorter_end_would_do(wanted: list[Named], others: list[Named]) -> None:
    for (kind, _), shown in shortened(wanted, others).items():
        if kind in ("func", "class", "value"):
            _, _, shorter = shown.removeprefix(f"{kind}:").partition(".")
            meant = [one for one in {*wanted, *others} if one[0] == kind and f".{one[1]}".endswith(f".{shorter}")]
            assert not shorter or len(meant) > 1
