"""What a module's globals hold is compared with what they held, in this process."""

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pivot_exec.watch import Watch


class Thing:
    def __init__(self, value: object) -> None:
        self.value = value


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    made = types.ModuleType("watched")
    monkeypatch.setitem(sys.modules, "watched", made)
    return made


def watch(module: types.ModuleType, **values: object) -> Watch:
    vars(module).update(values)
    return Watch({"watched": module}, ())


first, second = object(), object()


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1], lambda it: it.append(2)),
        ([1, 2], lambda it: it.reverse()),
        ({"a": 1}, lambda it: it.update(b=2)),
        ({"a": 1}, lambda it: it.update(a=2)),
        ({"a": 1, "b": 1}, lambda it: it.update(a=it.pop("a"))),
        ({1}, lambda it: it.add(2)),
        (([1],), lambda it: it[0].append(2)),
        (frozenset({Thing(1)}), lambda it: setattr(next(iter(it)), "value", 2)),
        ({"a": [{"b": ([],)}]}, lambda it: it["a"][0]["b"][0].append(1)),
        (Thing([]), lambda it: it.value.append(1)),
        (Thing(1), lambda it: setattr(it, "value", 2)),
        (Thing(1), lambda it: setattr(it, "other", 2)),
        (bytearray(b"a"), lambda it: it.extend(b"b")),
        ([[first], [second]], lambda it: it[1].insert(0, it[0].pop())),
        ({1: [], 2: [first]}, lambda it: it[1].append(it[2].pop())),
        ([{1: first}, {2: second}], lambda it: it[1].update({1: it[0].pop(1), 2: it[1].pop(2)})),
        ([Thing(first), {second}], lambda it: it[1].add(vars(it[0]).pop("value"))),
    ],
)
def test_a_change_is_seen_wherever_it_is(module: types.ModuleType, value: Any, change: Callable[[Any], object]) -> None:
    before = watch(module, value=value)
    assert not before.changed()
    change(value)
    assert before.changed()


def test_a_change_that_is_taken_back_is_none(module: types.ModuleType) -> None:
    value: list[object] = [[1], {"a": 1}]
    before = watch(module, value=value)
    value.append(2)
    assert before.changed()
    value.pop()
    assert not before.changed()


CODE = """
def plain(a, b=1, *, c=[]):
    return a

def other():
    pass

def closing(x):
    return lambda: x

closed = closing(1)

class Base:
    x = 1

class Kind(Base):
    items = []

    def go(self):
        return self.x
"""


@pytest.mark.parametrize(
    "change",
    [
        "plain.note = 1",
        "plain.__defaults__ = (2,)",
        "plain.__kwdefaults__ = {'c': []}",
        "plain.__kwdefaults__['d'] = 1",
        "plain.__kwdefaults__['c'].append(1)",
        "plain.__code__ = other.__code__",
        "plain = other",
        "del other",
        "new = 1",
        "closed.__closure__[0].cell_contents = 2",
        "Base.x = 2",
        "Kind.x = 2",
        "del Base.x",
        "Kind.items.append(1)",
        "Kind.go = lambda self: 1",
        "Kind.go.note = 1",
        "Base.x, Kind.y = 1, 1",
    ],
)
def test_a_change_of_functions_classes_and_globals_is_seen(module: types.ModuleType, change: str) -> None:
    exec(CODE, vars(module))
    for cls in (module.Base, module.Kind):
        cls.__module__ = "watched"
    before = Watch({"watched": module}, ())
    assert not before.changed()
    exec(change, vars(module))
    assert before.changed()


@pytest.mark.parametrize(
    "change",
    ["__warningregistry__ = {}", "plain.__doc__ = 'new'", "plain.__annotations__", "Kind.__doc__", "Kind().go()"],
)
def test_what_says_nothing_of_what_stages_see_is_no_change(module: types.ModuleType, change: str) -> None:
    exec(CODE, vars(module))
    before = Watch({"watched": module}, ())
    exec(change, vars(module))
    assert not before.changed()
    assert not before.changed()
    vars(module)["plain"].note = 1
    assert before.changed()


PLAIN = st.recursive(
    st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers(), inner, max_size=3)
        | inner.map(Thing)
    ),
    max_leaves=12,
)


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, list | dict | Thing):
        yield value
    inner = vars(value) if isinstance(value, Thing) else value
    if isinstance(inner, list | tuple | dict):
        for item in inner.values() if isinstance(inner, dict) else inner:
            yield from containers(item)


@given(st.lists(PLAIN, max_size=4), st.data())
def test_nothing_is_seen_where_nothing_changed_and_any_change_is(value: list[object], data: st.DataObject) -> None:
    module = types.ModuleType("watched")
    sys.modules["watched"] = module
    try:
        before = watch(module, value=value)
        assert not before.changed()
        at = data.draw(st.sampled_from([*containers(value)]))
        if isinstance(at, list):
            at.insert(data.draw(st.integers(0, len(at))), object())
        elif isinstance(at, dict):
            at[data.draw(st.sampled_from([*at, "new"]))] = object()
        else:
            at.value = object()
        assert before.changed()
    finally:
        del sys.modules["watched"]
