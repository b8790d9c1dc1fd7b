"""What two loads tell of computed values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from pivot_core import volatile
from pivot_core.observation import Observed
from pivot_core.storage.state import StateDB
from pivot_core.volatile import Compared, SecondLoad, differing
from pivot_fingerprint import Computed

START = Computed("value", "m.START", "1", "m.py", 3, fallback="time.time()")
TABLE = Computed(
    "value", "m.TABLE", "7", "m.py", 4, fallback="build()", parts={"['a']": "8", "['a'].x": "9", "[1]": "0"}
)
VALUES = {START.key: START, TABLE.key: TABLE}
AFTER = {START.key: attrs.evolve(START, digest="s", volatile=("",), code="all"), TABLE.key: TABLE}
"""The same, where it is known that one is volatile."""


def other(value: Computed, **changes: Any) -> dict[str, Computed]:
    return {**VALUES, value.key: attrs.evolve(value, **changes)}


KNOWN = Compared().with_differing(VALUES, other(START, digest="2")).with_code(AFTER)


def test_what_differs_is_volatile_and_the_rest_is_stable() -> None:
    assert KNOWN.volatile == {START.key: ("time.time()", "all")}
    assert KNOWN.stable == {TABLE.key: ("build()", "7")}
    assert KNOWN.statements == {START.key: "time.time()"}


def test_what_is_known_is_not_compared_again() -> None:
    assert all(map(KNOWN.is_known, AFTER.values()))


@pytest.mark.parametrize(
    "value",
    [
        attrs.evolve(TABLE, digest="8"),
        attrs.evolve(START, digest="3", fallback="now()"),
        attrs.evolve(AFTER[START.key], code="edited"),
        attrs.evolve(TABLE, fallback="make()"),
        attrs.evolve(TABLE, name="m.X"),
    ],
    ids=["another value", "another statement of a volatile one", "other code", "another statement", "a new value"],
)
def test_what_is_new_is_compared(value: Computed) -> None:
    assert not KNOWN.is_known(value)


def test_what_was_volatile_of_other_code_counts_again() -> None:
    assert KNOWN.without_outdated(AFTER) == KNOWN
    edited = {START.key: attrs.evolve(AFTER[START.key], code="edited")}
    assert KNOWN.without_outdated(edited).volatile == {}


def test_a_volatile_value_stays_so_if_two_loads_happen_to_give_the_same() -> None:
    assert KNOWN.with_differing(AFTER, AFTER).volatile == KNOWN.volatile


def test_values_of_other_statements_say_nothing_of_each_other() -> None:
    """The source was edited between the two loads."""
    assert Compared().with_differing(VALUES, other(START, digest="2", fallback="now()")).volatile == {}


def test_a_second_load_that_failed_is_not_tried_again_for_the_same_values() -> None:
    known = Compared().with_differing(VALUES, {})
    assert all(map(known.is_known, VALUES.values()))


@pytest.mark.parametrize(
    ("parts", "volatile"),
    [
        ({"['a']": "8", "['a'].x": "9", "[1]": "1"}, "[1]"),
        ({"['a']": "2", "['a'].x": "3", "[1]": "0"}, "['a'].x"),
        ({"['a']": "2", "['a'].x": "9", "[1]": "0"}, "['a']"),
        ({"['a']": "2", "['a'].x": "3", "[1]": "1"}, ""),
        ({"['a']": "8", "['a'].x": "9", "[1]": "0"}, ""),
    ],
    ids=["an item", "inside an item", "beside what is named in an item", "everything", "nothing that has a name"],
)
def test_the_innermost_parts_that_differ_are_volatile(parts: dict[str, str], volatile: str) -> None:
    known = Compared().with_differing(VALUES, other(TABLE, digest="8", parts=parts))
    assert list(known.volatile) == [TABLE.key + volatile]
    assert TABLE.key not in known.stable


@pytest.mark.parametrize("kind", ["files", "looked_up", "listed", "variables"])
def test_loads_that_saw_other_inputs_are_told_apart(kind: str) -> None:
    """A value that comes from them may well be another one."""
    before, after = (Observed(**{kind: {"/data": text, f"/{text}": text}}) for text in ("old", "new"))
    assert not volatile.had_same_inputs(before, after)
    assert volatile.had_same_inputs(before, before)


def test_what_an_edit_changed_is_the_same_for_two_loads_after_it() -> None:
    """Where nothing tells what a load depended on, only what differs between both others is volatile."""
    edited = {"['a']": "8", "['a'].x": "5", "[1]": "1"}
    one = SecondLoad(other(TABLE, digest="8", parts=edited))
    third = SecondLoad(other(TABLE, digest="9", parts={**edited, "[1]": "2"}))
    assert differing(one, one) == {}
    assert differing(one, SecondLoad()) == {}
    known = Compared().with_differing(VALUES, differing(one, third))
    assert list(known.volatile) == [f"{TABLE.key}[1]"]


def test_notices_name_the_value_and_its_place() -> None:
    [notice] = volatile.notices(AFTER)
    assert notice.startswith("m.START (m.py:3) differs between two loads")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDB]:
    opened = StateDB(tmp_path / "state.db")
    yield opened
    opened.close()


def test_what_was_saved_is_recalled(state: StateDB) -> None:
    assert volatile.recall(state) == Compared()
    volatile.save(state, KNOWN)
    assert volatile.recall(state) == KNOWN


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"volatile": [], "stable": {}}', b'{"volatile": {}, "stable": {"a": ["b"]}}', b"\xff"]
)
def test_what_cannot_be_read_is_not_known(state: StateDB, data: bytes) -> None:
    state.save_fact("values", data)
    assert volatile.recall(state) == Compared()


PROGRAM = """
from pathlib import Path
from typing import Any
from pivot_core import InlineLoader, discover
from pivot_core.volatile import Compared, SecondLoad, differing

loaded = InlineLoader(Compared({"value:pipeline.START": ("", "")})).load(discover(Path.cwd()))
print(loaded.code["a"].digest, *loaded.notices)
"""


def test_a_loader_in_the_calling_process_takes_what_is_known(tmp_path: Path) -> None:
    text = "import time\nfrom pivot import stage\nSTART = time.time()\n\n@stage\ndef a():\n    return START\n"
    (tmp_path / "pipeline.py").write_text(text)
    command = [sys.executable, "-c", PROGRAM]
    told = {subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(told) == 1
    assert "pipeline.START (pipeline.py:3) differs" in told.pop()
