"""Values: nothing that an object does can crash or hang a fingerprint, and what is not seen is said."""

import decimal
import functools
import io
import logging
import os
import random
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from pivot_fingerprint import Entry, Fingerprinter, Project

Fingerprints = Callable[[object], Entry]


@pytest.fixture
def entry_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fingerprints:
    """Fingerprints a function that uses a value, and gives the value's entry."""
    (tmp_path / "holder.py").write_text("VALUE = None\n\ndef use():\n    return VALUE\n")
    source = (tmp_path / "holder.py").read_text()

    def entry_of(value: object) -> Entry:
        module = types.ModuleType("holder")
        module.__file__ = str(tmp_path / "holder.py")
        exec(compile(source, tmp_path / "holder.py", "exec"), vars(module))
        monkeypatch.setitem(sys.modules, "holder", module)
        vars(module)["VALUE"] = value
        found = Fingerprinter(Project(tmp_path)).fingerprint(module.use)
        return next(entry for entry in found.entries if entry.name == "holder.VALUE")

    return entry_of


class _Hostile:
    """Raises whatever is asked of it."""

    def _raise(self, *args: Any) -> Any:
        raise RuntimeError("asked")

    __getattr__ = __eq__ = __hash__ = __repr__ = __reduce__ = __reduce_ex__ = __len__ = __iter__ = __bool__ = _raise
    __str__ = __getstate__ = __call__ = __sizeof__ = __dir__ = _raise

    @property  # type: ignore[misc] # on purpose
    def __class__(self) -> Any:
        raise RuntimeError("asked")


def test_hostile_instance(entry_of: Fingerprints) -> None:
    """An object that raises at everything counts by its type and state; none of its code runs."""
    hostile = _Hostile()
    object.__getattribute__(hostile, "__dict__")["level"] = 1
    one = entry_of(hostile).digest
    assert entry_of(hostile).digest == one
    object.__getattribute__(hostile, "__dict__")["level"] = 2
    assert entry_of(hostile).digest != one


def test_hostile_class(entry_of: Fingerprints) -> None:
    """A class whose metaclass raises at everything does not stop a fingerprint."""

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

        def __instancecheck__(cls, instance: object) -> bool:
            raise RuntimeError("asked")

    class Hostile(metaclass=Meta):
        pass

    assert entry_of(Hostile).digest == entry_of(Hostile).digest
    assert entry_of([Hostile]).digest == entry_of([Hostile]).digest


def test_cyclic(entry_of: Fingerprints) -> None:
    """A value that holds itself ends."""
    one: list[Any] = [1]
    one.append({"self": one})
    other: list[Any] = [2]
    other.append({"self": other})
    assert entry_of(one).digest == entry_of(one).digest
    assert entry_of(one).digest != entry_of(other).digest


def test_deep(entry_of: Fingerprints) -> None:
    """Nesting beyond the limit is cut, and said."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deeply" in entry_of(deep).note
    while deep:
        deep = deep.pop()


def test_too_large(entry_of: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value beyond the limit counts by its type and statement, the same in whichever order its sets are."""
    monkeypatch.setattr("pivot_fingerprint.values.MAX_OBJECTS", 1000)
    entry = entry_of({(i, str(i)) for i in range(5000)})
    assert "too large" in entry.note
    assert "by its defining statement" in entry.note
    assert entry_of({(i, str(i)) for i in range(6000)}).digest == entry.digest


def test_shared_parts_are_walked_once(entry_of: Fingerprints) -> None:
    """A value whose parts are shared many times over takes no longer than its parts."""
    value: list[Any] = [1]
    for _ in range(100):
        value = [value, value]
    assert not entry_of(value).note


@pytest.mark.parametrize(
    "value",
    [
        logging.getLogger("x"),
        threading.Lock(),
        threading.local(),
        io.StringIO("x"),
        (i for i in range(3)),
        object(),
        sys._getframe(),
        Fingerprinter(
            Project(Path(__file__).parent)
        ),  # as a decorator has that keeps results; it learns from each call
    ],
    ids=lambda value: type(value).__name__,
)
def test_without_content(entry_of: Fingerprints, value: object) -> None:
    """What has no content of its own counts by type and statement, with a note; alone or inside of something."""
    entry = entry_of([value])
    assert entry_of([value]).digest == entry.digest
    if type(value) is not object:
        assert "by its defining statement" in entry.note


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        ("x", b"x"),
        ((1,), [1]),
        ([[1], 2], [1, [2]]),
        (["a", "b"], ["a\x1fb"]),
        ({"a": None}, {"a": ()}),
        (0.0, -0.0),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        ({1: 2}, [1, 2]),
        (frozenset({1}), {1}),
        (functools.partial(int, base=2), functools.partial(int, base=3)),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (list(range(100)), [*range(99), 99.0]),
        ([str(i) for i in range(100)], [*(str(i) for i in range(99)), "x"]),
    ],
)
def test_apart(entry_of: Fingerprints, one: object, other: object) -> None:
    """Values that are told apart by something are told apart by their digest."""
    assert entry_of(one).digest != entry_of(other).digest


@pytest.mark.parametrize(
    "value", [random.choice, random.random, numpy.random.normal], ids=["method", "builtin", "numpy"]
)
def test_function_of_a_hidden_instance(entry_of: Fingerprints, value: object) -> None:
    """A module's function that is a method of an instance counts by its name, not by the instance's state."""
    one = entry_of([value]).digest
    random.random()
    numpy.random.normal()
    assert entry_of([value]).digest == one


def test_environment(entry_of: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment as such is no constant."""
    one = entry_of({"env": os.environ}).digest
    monkeypatch.setenv("SOMETHING_NEW", "1")
    assert entry_of({"env": os.environ}).digest == one


def test_nan_is_nan(entry_of: Fingerprints) -> None:
    """A value that differs from itself has one digest."""
    assert entry_of(float("nan")).digest == entry_of(-float("nan")).digest


def test_text_with_the_root(entry_of: Fingerprints, tmp_path: Path) -> None:
    """The root counts as the root only where a path ends there."""
    assert entry_of(f"{tmp_path}/data").digest != entry_of(f"{tmp_path}x/data").digest
    assert entry_of([tmp_path / "data"]).digest == entry_of([tmp_path / "data"]).digest


def test_cached_function(entry_of: Fingerprints) -> None:
    """What a cache holds does not count."""

    @functools.cache
    def square(x: int) -> int:
        return x * x

    before = entry_of(square).digest
    square(3)
    assert entry_of(square).digest == before
