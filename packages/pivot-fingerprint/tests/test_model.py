"""Fingerprints as data, and their comparison."""

import json

import attrs
import pytest
from pivot_fingerprint import SCHEME, Comparison, Entry, Fingerprint, compare

_ONE = Entry("func", "m.f", "aa", file="m.py", line=3, via=("m.g",), note="why")
_TWO = Entry("value", "m.X", "bb", fallback="cc")
_DIST = Entry("dist", "pandas", "2.3.1")


def test_round_trip_through_json() -> None:
    """Stored data gives back an equal fingerprint."""
    made = Fingerprint.of([_TWO, _ONE, _DIST], "3.13")
    assert Fingerprint.from_data(json.loads(json.dumps(made.to_data()))) == made


def test_manifest_is_sorted_and_holds_versions() -> None:
    """Names are kind and qualified name; a distribution's digest is its version."""
    made = Fingerprint.of([_TWO, _ONE, _DIST], "3.13")
    assert list(made.manifest.items()) == [("dist:pandas", "2.3.1"), ("func:m.f", "aa"), ("value:m.X", "bb")]


def test_digest_is_over_the_manifest() -> None:
    """Order, places and chains do not matter, digests and names do."""
    made = Fingerprint.of([_ONE, _TWO], "3.13")
    assert Fingerprint.of([_TWO, attrs.evolve(_ONE, line=9, via=(), file="n.py")], "3.13").digest == made.digest
    assert Fingerprint.of([attrs.evolve(_ONE, digest="ab"), _TWO], "3.13").digest != made.digest
    assert Fingerprint.of([attrs.evolve(_ONE, name="m.h"), _TWO], "3.13").digest != made.digest
    assert Fingerprint.of([_ONE, _TWO], "3.14").digest != made.digest


def test_compare() -> None:
    """What is new, gone and changed."""
    old = Fingerprint.of([_ONE, _TWO], "3.13")
    new = Fingerprint.of([attrs.evolve(_ONE, digest="xx"), _DIST], "3.13")
    assert compare(old, new) == Comparison(added=("dist:pandas",), removed=("value:m.X",), changed=("func:m.f",))
    assert compare(old.to_data(), new.to_data()) == compare(old, new)
    assert not compare(old, old)


def test_another_python_is_another_format() -> None:
    """Digests of another Python say nothing about the code."""
    comparison = compare(Fingerprint.of([_ONE], "3.13"), Fingerprint.of([_TWO], "3.14"))
    assert comparison == Comparison(format_changed="Python 3.13 → 3.14")


def test_another_scheme_is_another_format() -> None:
    """Digests of another scheme say nothing about the code."""
    old = attrs.evolve(Fingerprint.of([_ONE], "3.13"), scheme=SCHEME + 1)
    assert compare(old, Fingerprint.of([_TWO], "3.13")).format_changed == f"scheme {SCHEME + 1} → {SCHEME}"


@pytest.mark.parametrize(
    "data", [{}, {"entries": 3}, {"entries": [{"odd": 1}], "digest": "", "scheme": 1, "python": ""}]
)
def test_other_data_is_refused(data: dict[str, object]) -> None:
    """What is not a stored fingerprint is a ValueError."""
    with pytest.raises(ValueError, match="not a stored fingerprint"):
        Fingerprint.from_data(data)
