"""What stages share is compared where Python tells of a change, and all of it where Python does not tell."""

import sys
import types
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_exec import told, watch
from pivot_exec.referents import Item
from pivot_exec.watch import Watch

SOURCE = """
import functools, types
from collections import Counter, OrderedDict, defaultdict, deque
from enum import Enum

NUMBER, TEXT, ITEMS, EMPTY, TABLE = 1, "a", [[1], [2]], [], {"a": {"b": [1]}}
PAIRS, TAGS, QUEUE = ({"x": 1}, {"y": {3}}), {1, 2}, deque([1, 2])
ORDERED, COUNTS, GROUPS = OrderedDict(a=1, b=2), Counter("aab"), defaultdict(list, a=[1])
SPACE = types.SimpleNamespace(a=1, b=[2])

def plain(a, b=1, *, c=[], d={}): return a
def other(a, b=1, *, c=[], d={}): return b
def noted(): pass
noted.mark = [1]
def held(): pass
ELSEWHERE = [vars(held)]

def write():
    global NUMBER
    NUMBER += 1

def make(count, names):
    def more():
        nonlocal count
        count += 1
        return count
    def look(): return names
    def late(): return never
    if not count:
        never = 1
    return more, look, late
MORE, LOOK, LATE = make(1, ["a"])

class Top: pass
class Base(Top):
    shared, items = 1, []
    def go(self): return 1
    @property
    def value(self): return 1
    @staticmethod
    def fixed(): pass
class Kind(Base):
    def __init__(self): self.a, self.b = 1, [2]
class Slots:
    __slots__ = ("x", "y")
    def __init__(self): self.x = 1
class Listing(list): pass
class Mapping(dict): pass
class Color(Enum):
    RED = 1

THING, SLOTTED, LISTING, MAPPING = Kind(), Slots(), Listing([1]), Mapping(a=1)
LISTING.note = MAPPING.note = 1
ATTRIBUTES = vars(Kind())
BOUND, PARTIAL = THING.go, functools.partial(plain, 1)
ERROR = ValueError("no")
"""
CHANGES = [
    "NUMBER = 2",
    "NUMBER = True",
    "TEXT = ''.join(['b'])",
    "del TEXT",
    "NEW = 1",
    "write()",
    "for _ in range(100): write()",
    "globals()['NUMBER'] = 3",
    "(lambda space, kept: (space.clear(), space.update(kept | {'NUMBER': 9})))(globals(), dict(globals()))",
    "(lambda space, kept: (space.clear(), space.update(kept), kept['TABLE'].clear()))(globals(), dict(globals()))",
    "ITEMS.append(1)",
    "ITEMS[0].append(1)",
    "ITEMS[1].insert(0, ITEMS[0].pop())",
    "ITEMS[0], ITEMS[1] = ITEMS[1], ITEMS[0]",
    "ITEMS[0][0] = True",
    "EMPTY.append(None)",
    "ITEMS[:] = [[1], [2]]",
    "TABLE['c'] = 1",
    "TABLE['a']['b'].append(1)",
    "TABLE['a']['b'] = [1]",
    "TABLE['a'].clear()",
    "TABLE.setdefault('z', 1)",
    "TABLE.pop('a')",
    "TABLE.popitem()",
    "TABLE |= {'q': 1}",
    "TABLE.__init__(q=1)",
    "TABLE['a'].update(TABLE)",
    "PAIRS[0]['x'] = 2",
    "PAIRS[1]['y'].add(4)",
    "TAGS.discard(1)",
    "TAGS.add(9)",
    "QUEUE.rotate()",
    "QUEUE.append(3)",
    "ORDERED.move_to_end('a')",
    "ORDERED['a'] = 2",
    "COUNTS.update('a')",
    "GROUPS['new']",
    "GROUPS['a'].append(1)",
    "GROUPS.default_factory = set",
    "SPACE.a = 2",
    "SPACE.b.append(1)",
    "SPACE.c = 1",
    "plain.note = 1",
    "plain.__dict__['note'] = 1",
    "vars(plain).update(note=1)",
    "plain.__dict__ = {'note': 1}",
    "noted.mark = [1]",
    "noted.mark.append(1)",
    "del noted.mark",
    "noted.__dict__ = {}",
    "noted.__dict__.clear()",
    "held.__dict__ = {}",
    "held.mark = 1",
    "plain.__defaults__ = (2,)",
    "del plain.__defaults__",
    "plain.__kwdefaults__ = {'c': []}",
    "plain.__kwdefaults__['e'] = 1",
    "plain.__kwdefaults__['c'].append(1)",
    "plain.__kwdefaults__['d']['e'] = 1",
    "del plain.__kwdefaults__",
    "plain.__code__ = other.__code__",
    "types.FunctionType.__code__.__set__(plain, other.__code__)",
    "object.__setattr__(plain, '__defaults__', (3,))",
    "plain, other = other, plain",
    "MORE()",
    "LOOK.__closure__[0].cell_contents = 2",
    "LOOK.__closure__[0].cell_contents.append(2)",
    "del LOOK.__closure__[0].cell_contents",
    "LATE.__closure__[0].cell_contents = 1",
    "Base.shared = 2",
    "type.__setattr__(Kind, 'shared', 2)",
    "del Base.shared",
    "Base.items.append(1)",
    "Kind.added = 1",
    "setattr(Base, 'go', lambda self: 2)",
    "Base.go.note = 1",
    "Base.value.fget.note = 1",
    "Base.fixed.note = 1",
    "Base.go.__defaults__ = (1,)",
    "Kind.__bases__ = (Top,)",
    "Kind.__init__.__code__ = Slots.__init__.__code__",
    "Color.RED.note = 1",
    "Color.BLUE = 2",
    "THING.a = 2",
    "THING.a = True",
    "THING.b.append(1)",
    "THING.c = 1",
    "del THING.a",
    "THING.c = THING.b; del THING.b",
    "THING.a, THING.b = THING.b, THING.a",
    "vars(THING)['a'] = 3",
    "THING.__dict__ = {'a': 1, 'b': THING.b}",
    "THING.__class__ = Top",
    "object.__setattr__(THING, 'a', 5)",
    "SLOTTED.x = 2",
    "SLOTTED.y = SLOTTED.x; del SLOTTED.x",
    "LISTING.append(1)",
    "LISTING.note = 2",
    "MAPPING['a'] = 2",
    "MAPPING.note = 2",
    "ATTRIBUTES['a'] = 2",
    "BOUND.__self__.a = 7",
    "BOUND.__func__.note = 1",
    "PARTIAL.note = 1",
    "PARTIAL.__setstate__((plain, (2,), {}, {}))",
    "ERROR.args = ('yes',)",
    "ERROR.note = 1",
    "import builtins; builtins.added = 1",
    "import sys; sys.modules['attacked'] = types.ModuleType('attacked')",
    "import sys; sys.modules['attacked'].__class__ = type('Other', (types.ModuleType,), {})",
]
HARMLESS = [
    "plain(1)",
    "Kind()",
    "local = 1; del local",
    "THING.go(), THING.value, LOOK()",
    "NUMBER = NUMBER",
    "vars(THING), vars(plain), dir(Kind)",
    "plain.__doc__ = 'other'",
    "Kind.__doc__ = 'other'",
    "__warningregistry__ = {}",
    "NUMBER += 1; NUMBER -= 1",
    "(lambda space, kept: (space.clear(), space.update(kept)))(globals(), dict(globals()))",
    "Kind.added = 1; del Kind.added",
    "plain.note = 1; del plain.note",
    "old = plain.__defaults__; plain.__defaults__ = (2,); plain.__defaults__ = old; del old",
    "functools.wraps(plain)(lambda: 1)",
    "class Point(Top): pass\ndel Point",
]


class Silent(told.Told):
    """As on a Python that tells nothing of what happens to dictionaries and attributes."""

    def _new_watcher(self) -> int | None:
        return None


@pytest.fixture(scope="module")
def silent() -> told.Told:
    return Silent()


@pytest.fixture(scope="module", params=["told", "not told"])
def made(request: pytest.FixtureRequest, silent: told.Told) -> Iterator[told.Told]:
    made = told.Told() if request.param == "told" else silent
    assert made.tells_all == (request.param == "told")
    yield made
    if made._number is not None:
        made._api.PyDict_ClearWatcher(made._number)  # this process ends as Python does, which frees what is called


@pytest.fixture(autouse=True)
def telling(made: told.Told, monkeypatch: pytest.MonkeyPatch) -> told.Told:
    monkeypatch.setattr(watch, "telling", lambda: made)
    return made


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("attacked")
    monkeypatch.setitem(sys.modules, "attacked", made)
    exec(SOURCE, vars(made))
    return made


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(module: types.ModuleType, change: str) -> None:
    before = Watch({"attacked": module}, ())
    assert not before.changed()
    assert not before.changed()
    try:
        exec(change, vars(module))
        assert before.changed()
        assert before.changed()
    finally:
        vars(__import__("builtins")).pop("added", None)


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_as_it_was_costs_nothing_and_later_changes_are_seen(module: types.ModuleType, change: str) -> None:
    before = Watch({"attacked": module}, ())
    for _ in range(3):
        exec(change, vars(module))
        assert not before.changed()
    for late in ("NUMBER = 77", "Kind.added = 7", "plain.note = 7", "plain.__defaults__ = (7,)", "TABLE['a'] = 7"):
        exec(late, vars(module))
        assert before.changed()


PRIVATE = [change for change in CHANGES if "builtins" not in change and "sys.modules" not in change]
BACK = [
    "plain.__defaults__, other.__defaults__ = other.__defaults__, plain.__defaults__",
    "plain.__code__, other.__code__ = other.__code__, plain.__code__",
    "ITEMS.reverse()",
    "SPACE.a, COUNTS['a'] = COUNTS['a'], SPACE.a",
    "THING.a, THING.b = THING.b, THING.a",
    "Base.shared, Top.shared = getattr(Top, 'shared', 1), Base.shared",
    "ORDERED.move_to_end(next(iter(ORDERED)))",
    "TEXT, NUMBER = NUMBER, TEXT",
    "plain.__dict__ = dict(vars(plain))",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(steps=st.lists(st.sampled_from(BACK * 2 + HARMLESS + PRIVATE), min_size=1, max_size=6), before=st.integers(0, 3))
def test_what_is_told_and_what_is_compared_agree(
    monkeypatch: pytest.MonkeyPatch, made: told.Told, silent: told.Told, steps: list[str], before: int
) -> None:
    """Whatever happens, and whatever had happened before."""
    space = types.ModuleType("attacked")
    monkeypatch.setitem(sys.modules, "attacked", space)
    exec(SOURCE, vars(space))
    watches: list[Watch] = []
    for number, step in enumerate(steps):
        if number == before:
            watches.append(Watch({"attacked": space}, ()))
            monkeypatch.setattr(watch, "telling", lambda: silent)
            watches.append(Watch({"attacked": space}, ()))
            monkeypatch.setattr(watch, "telling", lambda: made)
        try:
            exec(step, vars(space))
        except (AttributeError, KeyError, NameError, TypeError, ValueError, IndexError):
            pass  # an earlier step has taken away what this one needs
        assert len({item.changed() for item in watches}) <= 1


HOT = {
    "global": "global NUMBER; NUMBER += 1",
    "attribute": "THING.a += 1",
    "attribute of a class": "Kind.shared += 1",
    "key": "TABLE['n'] = TABLE.get('n', 0) + 1",
    "attribute of a namespace": "SPACE.a += 1",
    "attribute of a function": "plain.calls = vars(plain).get('calls', 0) + 1",
    "default": "plain.__defaults__ = (plain.__defaults__[0] + 1,)",
    "variable of a closure": "MORE()",
    "slot": "SLOTTED.x += 1",
    "item": "ITEMS[0][0] += 1",
}


@pytest.mark.parametrize("body", HOT.values(), ids=HOT)
def test_a_change_is_seen_if_its_code_ran_often_before(module: types.ModuleType, body: str) -> None:
    """By then Python has replaced its instructions by faster ones."""
    exec(f"def change():\n    {body}", vars(module))
    for _ in range(1000):
        module.change()
    before = Watch({"attacked": module}, ())
    assert not before.changed()
    module.change()
    assert before.changed()


def test_what_python_tells_of_is_not_compared_again_however_much_there_is(
    monkeypatch: pytest.MonkeyPatch, made: told.Told
) -> None:
    if not made.tells_all:
        pytest.skip("everything is compared")
    compared: list[Item] = []
    changed = Item.changed

    def counted(item: Item) -> bool:
        compared.append(item)
        return changed(item)

    monkeypatch.setattr(Item, "changed", counted)
    each_time = []
    for count in (10, 1000):
        space = types.ModuleType("attacked")
        monkeypatch.setitem(sys.modules, "attacked", space)
        for n in range(count):
            exec(f"def f{n}(a=(1,), *, b={{}}): pass\nclass C{n}: x = 1\nD{n} = {{'a': 1}}", vars(space))
        before = Watch({"attacked": space}, ())
        assert not before.changed()
        each_time.append(len(compared) + sum(len(values._values) for values in before._together))
        compared.clear()
        vars(space)["D3"]["a"] = 2
        vars(space)["D3"]["a"] = 1
        assert not before.changed()
        assert len(compared) == 1
        compared.clear()
    assert each_time[0] == each_time[1]
