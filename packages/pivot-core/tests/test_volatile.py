"""What two loads tell of computed values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from pivot_core import volatile
from pivot_core.observation import Observed
from pivot_core.storage.state import StateDB
from pivot_core.volatile import Compared, SecondLoad
from pivot_fingerprint import Entry

START = Entry("value", "m.START", "1", "m.py", 3, fallback="time.time()")
TABLE = Entry("value", "m.TABLE", "7", "m.py", 4, fallback="build()")
VALUES = {START.key: START, TABLE.key: TABLE}


def other(value: Entry, digest: str = "2", fallback: str = "") -> dict[str, Entry]:
    return {**VALUES, value.key: attrs.evolve(value, digest=digest, fallback=fallback or value.fallback)}


def compare(
    known: Compared = Compared(),  # noqa: B008 - it is frozen
    second: SecondLoad | None = None,
    values: dict[str, Entry] = VALUES,
    observed: Observed = Observed(),  # noqa: B008 - it is frozen
) -> Compared:
    return volatile.compare(known, values, observed, lambda: second)


def refuse() -> SecondLoad | None:
    raise AssertionError("there was no cause to load again")


KNOWN = compare(second=SecondLoad(other(START)))


def test_what_differs_is_volatile_and_the_rest_is_stable() -> None:
    assert KNOWN.volatile == {START.key: "time.time()"}
    assert KNOWN.stable == {TABLE.key: ("build()", "7")}
    assert KNOWN.is_volatile(START)
    assert not KNOWN.is_volatile(TABLE)


def test_what_is_known_is_not_compared_again() -> None:
    assert volatile.compare(KNOWN, VALUES, Observed(), refuse) == KNOWN
    assert volatile.compare(KNOWN, other(START), Observed(), refuse) == KNOWN
    assert volatile.compare(KNOWN, {}, Observed(), refuse) == KNOWN


@pytest.mark.parametrize(
    "values",
    [
        other(TABLE, "8"),
        other(START, "3", "now()"),
        other(TABLE, "7", "make()"),
        {**VALUES, "value:m.X": attrs.evolve(TABLE, name="m.X")},
    ],
    ids=["another value", "another statement of a volatile one", "another statement", "a new value"],
)
def test_what_is_new_is_compared(values: dict[str, Entry]) -> None:
    with pytest.raises(AssertionError, match="no cause"):
        volatile.compare(KNOWN, values, Observed(), refuse)


def test_a_value_whose_statement_changed_counts_again_where_two_loads_give_the_same() -> None:
    values = other(START, "3", "now()")
    assert compare(KNOWN, SecondLoad(values), values).volatile == {}


def test_a_volatile_value_stays_so_if_two_loads_happen_to_give_the_same() -> None:
    values = {**VALUES, "value:m.X": attrs.evolve(TABLE, name="m.X")}
    assert compare(KNOWN, SecondLoad(values), values).volatile == KNOWN.volatile


def test_values_of_other_statements_say_nothing_of_each_other() -> None:
    """The source was edited between the two loads."""
    assert compare(second=SecondLoad(other(START, "2", "now()"))).volatile == {}


def test_a_second_load_that_failed_is_not_tried_again_for_the_same_values() -> None:
    known = compare(second=SecondLoad())
    assert volatile.compare(known, VALUES, Observed(), refuse) == known


def test_where_it_could_not_be_done_nothing_is_known() -> None:
    assert compare(second=None) == Compared()


@pytest.mark.parametrize("kind", ["files", "looked_up", "listed", "variables"])
def test_loads_that_saw_other_inputs_are_not_compared(kind: str) -> None:
    """A value that comes from them may well be another one."""
    before, after = (Observed(**{kind: {"/data": text, f"/{text}": text}}) for text in ("old", "new"))
    assert compare(second=SecondLoad(other(START), after), observed=before) == Compared()
    assert compare(second=SecondLoad(other(START), before), observed=before) == KNOWN


def test_a_value_named_without_statement_is_volatile_for_any() -> None:
    assert Compared({START.key: ""}).is_volatile(START)
    assert not Compared({TABLE.key: ""}).is_volatile(START)


def test_notices_name_the_value_and_its_place() -> None:
    [notice] = volatile.notices(KNOWN, VALUES)
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
from pivot_core import InlineLoader, discover
from pivot_core.volatile import Compared

loaded = InlineLoader(Compared({"value:pipeline.START": ""})).load(discover(Path.cwd()))
print(loaded.code["a"].digest, *loaded.notices)
"""


def test_a_loader_in_the_calling_process_takes_what_is_known(tmp_path: Path) -> None:
    text = "import time\nfrom pivot import stage\nSTART = time.time()\n\n@stage\ndef a():\n    return START\n"
    (tmp_path / "pipeline.py").write_text(text)
    command = [sys.executable, "-c", PROGRAM]
    told = {subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(told) == 1
    assert "pipeline.START (pipeline.py:3) differs" in told.pop()
