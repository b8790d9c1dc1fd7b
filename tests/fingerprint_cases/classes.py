"""Classes, their bases and members, and instances.

What an object does is spread over its class, the bases, the metaclass and its own state; all of them count, and a
class counts as a whole, since which method is called is known only at run time.
"""

from fingerprint_cases.case import changed, project, stage

_MODEL = project(
    """
    from models import Model, Other, SHARED

    def run(model):
        return model.run()

    MODEL = Model(2)
    """,
    stage("made", "Model(1).run()"),
    stage("given", "run(MODEL)"),
    stage("instance", "SHARED.size"),
    stage("other", "Other().f()"),
    models="""
    from base import Base, Mixin

    SCALE = 2

    def scale(x):
        return x * SCALE

    class Descriptor:
        def __get__(self, instance, owner):
            return 11

    class Model(Mixin, Base):
        rate = 5
        described = Descriptor()

        def __init__(self, size):
            self.size = size

        def run(self):
            return self.prepare() + scale(self.size) + self.area + self.described

        @property
        def area(self):
            return self.size * 7

        @staticmethod
        def static():
            return 8

        @classmethod
        def build(cls):
            return cls(9)

        def __repr__(self):
            return "model"

    class Other:
        def f(self):
            return 1

    SHARED = Model(3)
    """,
    base="""
    class Root:
        def prepare(self):
            return self.hook()

        def hook(self):
            return 100

    class Base(Root):
        depth = 4

    class Mixin:
        def mixed(self):
            return 200

    class Unused:
        def f(self):
            return 300
    """,
)

_KINDS = project(
    """
    from dataclasses import dataclass, field
    from enum import Enum, IntEnum
    from typing import NamedTuple, TypedDict

    @dataclass(frozen=True)
    class Config:
        rate: float = 0.5
        names: list = field(default_factory=list)

        def double(self):
            return self.rate * 2

    class Color(Enum):
        RED = 1
        BLUE = 2

    class Level(IntEnum):
        LOW = 10

    class Point(NamedTuple):
        x: int
        y: int = 6

    class Row(TypedDict):
        key: str

    class Slotted:
        __slots__ = ("value",)

        def __init__(self, value):
            self.value = value

    CONFIG = Config(rate=0.7)
    SLOTTED = Slotted(21)
    DEFAULT = Color.RED
    """,
    stage("config", "Config().double()"),
    stage("configured", "CONFIG.rate"),
    stage("color", "Color.RED.value"),
    stage("member", "DEFAULT.name"),
    stage("level", "int(Level.LOW)"),
    stage("point", "Point(1).y"),
    stage("row", "sorted(Row.__annotations__)"),
    stage("slotted", "SLOTTED.value"),
)

_META = project(
    """
    class Meta(type):
        def __new__(mcls, name, bases, space):
            space["tag"] = mark()
            return super().__new__(mcls, name, bases, space)

        def __call__(cls, *args):
            return super().__call__(*args)

    def mark():
        return "m"

    class Tagged(metaclass=Meta):
        def get(self):
            return self.tag

    class Registered:
        registry = {}

        def __init_subclass__(cls, **options):
            Registered.registry[cls.__name__] = cls

    class One(Registered):
        def f(self):
            return 1

    class Two(Registered):
        def f(self):
            return 2

    class Plain:
        def f(self):
            return 3

    def all_of():
        return [c().f() for c in Registered.registry.values()]

    class Shape:
        def area(self):
            return 0

    class Square(Shape):
        def area(self):
            return 4

    def areas():
        return [c().area() for c in Shape.__subclasses__()]

    class Caller:
        def __call__(self, x):
            return x + 50

    call = Caller()

    class Outer:
        class Inner:
            def f(self):
                return 60

    class Chained:
        def one(self):
            return self

        def __add__(self, other):
            return 70
    """,
    stage("tagged", "Tagged().get()"),
    stage("registered", "all_of()"),
    stage("plain", "Plain().f()"),
    stage("shapes", "areas()"),
    stage("called", "call(1)"),
    stage("inner", "Outer.Inner().f()"),
    stage("added", "Chained().one() + 1"),
)

_SUPER = project(
    """
    class A:
        def f(self):
            return 1

    class B(A):
        def f(self):
            return super().f() + 1

    bound = B().f

    class C:
        pass

    C.f = lambda self: 5
    C.level = 6
    """,
    stage("supers", "B().f()"),
    stage("bound_method", "bound()"),
    stage("patched", "C().f()"),
    stage("unrelated", "1"),
)

_PYDANTIC = project(
    """
    from pydantic import BaseModel, field_validator

    class Settings(BaseModel):
        rate: float = 0.5
        count: int = 3

        @field_validator("count")
        @classmethod
        def check(cls, value):
            return limit(value)

    def limit(value):
        return min(value, 10)
    """,
    stage("a", "Settings(count=4).count"),
    stage("b", "1"),
)

_ATTRS = project(
    """
    import attrs

    def positive(instance, attribute, value):
        assert value > 0

    @attrs.define
    class Settings:
        rate: float = attrs.field(default=0.5, validator=positive)
        count: int = 3
    """,
    stage("a", "Settings().count"),
    stage("b", "1"),
)

_MADE = project(
    """
    import attrs
    from pydantic import create_model

    Model = create_model("Model", size=(int, 1))
    Point = attrs.make_class("Point", {"x": attrs.field(default=3)})
    OTHER = 5
    """,
    stage("a", "Model().size"),
    stage("b", "Point().x"),
    stage("c", "OTHER"),
)

_ELSEWHERE = project(
    """
    from factory import enumerated, local, made

    Made = made("Made", 1)
    Local = local(2)
    Kind = enumerated(3)
    """,
    stage("a", "Made().go()"),
    stage("b", "Local().go()"),
    stage("c", "Kind.ONE.value"),
    factory="""
    from enum import Enum

    def made(name, value):
        return type(name, (), {"value": value, "go": lambda self: first(self.value)})

    def local(value):
        class Local:
            def go(self):
                return second(value)

        return Local

    def enumerated(value):
        class Kind(Enum):
            ONE = value

        return Kind

    def first(x):
        return x + 80

    def second(x):
        return x + 90
    """,
)

CASES = (
    changed("method", _MODEL, "self.prepare() + scale", "self.prepare() - scale", "made given instance", path="models.py", why="called on instances"),
    changed("helper of a method", _MODEL, "x * SCALE", "x + SCALE", "made given instance", path="models.py", why="what methods call"),
    changed("constant of a method's helper", _MODEL, "SCALE = 2", "SCALE = 3", "made given instance", path="models.py", why="and read"),
    changed("property", _MODEL, "self.size * 7", "self.size * 8", "made given instance", path="models.py", why="read as an attribute"),
    changed("class attribute", _MODEL, "rate = 5", "rate = 6", "made given instance", path="models.py", why="part of the class"),
    changed("descriptor", _MODEL, "return 11", "return 12", "made given instance", path="models.py", why="read as an attribute"),
    changed("base class method", _MODEL, "return 100", "return 101", "made given instance", path="base.py", why="inherited"),
    changed("base class attribute", _MODEL, "depth = 4", "depth = 5", "made given instance", path="base.py", why="inherited"),
    changed("mixin", _MODEL, "return 200", "return 201", "made given instance", path="base.py", why="in the MRO"),
    changed("class beside the bases", _MODEL, "return 300", "return 301", path="base.py", why="not in the MRO"),
    changed("order of bases", _MODEL, "Model(Mixin, Base)", "Model(Base, Mixin)", "made given instance", path="models.py", why="another MRO"),
    changed("class beside", _MODEL, "return 1\n", "return 2\n", "other", path="models.py", why="kept apart"),
    changed("state of a global instance", _MODEL, "MODEL = Model(2)", "MODEL = Model(22)", "given", why="by its state"),
    changed("state of an imported instance", _MODEL, "SHARED = Model(3)", "SHARED = Model(33)", "instance", path="models.py", why="by its state"),
    changed("dataclass default", _KINDS, "rate: float = 0.5", "rate: float = 0.6", "config configured", why="a field's default"),
    changed("dataclass annotation", _KINDS, "names: list", "names: set", "config configured", why="dataclass reads annotations"),
    changed("dataclass option", _KINDS, "frozen=True", "frozen=False", "config configured", why="the decorator's arguments"),
    changed("dataclass method", _KINDS, "self.rate * 2", "self.rate * 3", "config configured", why="a method"),
    changed("dataclass field order", _KINDS, "    rate: float = 0.5\n    names: list = field(default_factory=list)\n",
            "    names: list = field(default_factory=list)\n    rate: float = 0.5\n", "config configured", why="the order of arguments"),
    changed("frozen instance", _KINDS, "rate=0.7", "rate=0.8", "configured", why="by its state"),
    changed("enum value", _KINDS, "BLUE = 2", "BLUE = 3", "color member", why="the enum is one thing"),
    changed("enum member held", _KINDS, "DEFAULT = Color.RED", "DEFAULT = Color.BLUE", "member", why="another member"),
    changed("int enum value", _KINDS, "LOW = 10", "LOW = 11", "level", why="its value"),
    changed("named tuple default", _KINDS, "y: int = 6", "y: int = 7", "point", why="a field's default"),
    changed("typed dict key", _KINDS, "key: str", "name: str", "row", why="read at run time"),
    changed("slots", _KINDS, "Slotted(21)", "Slotted(22)", "slotted", why="state in slots"),
    changed("metaclass helper", _META, 'return "m"', 'return "n"', "tagged", why="what the metaclass calls"),
    changed("metaclass method", _META, "super().__call__(*args)", "super().__call__()", "tagged", why="makes instances"),
    changed("registered subclass", _META, "return 1", "return 11", "registered", why="in the registry"),
    changed("subclass registered anew", _META, "class Plain:", "class Three(Registered):\n    def f(self):\n        return 33\n\nclass Plain:",
            "registered", why="the registry grew"),
    changed("class outside the registry", _META, "return 3\n", "return 31\n", "plain", why="not in the registry"),
    changed("subclass found by __subclasses__", _META, "return 4", "return 5", "shapes", why="all subclasses count"),
    changed("callable instance", _META, "x + 50", "x + 51", "called", why="its __call__"),
    changed("inner class", _META, "return 60", "return 61", "inner", why="a class in a class"),
    changed("operator method", _META, "return 70", "return 71", "added", why="called by an operator"),
    changed("super", _SUPER, "return 1", "return 3", "supers bound_method", why="the base's method"),
    changed("patched method", _SUPER, "self: 5", "self: 7", "patched", why="set from outside the class"),
    changed("patched attribute", _SUPER, "C.level = 6", "C.level = 7", "patched", why="set from outside the class"),
    changed("pydantic default", _PYDANTIC, "count: int = 3", "count: int = 4", "a", why="a field's default"),
    changed("pydantic annotation", _PYDANTIC, "rate: float", "rate: int", "a", why="pydantic reads annotations"),
    changed("pydantic validator", _PYDANTIC, "return limit(value)", "return value", "a", why="called by pydantic"),
    changed("helper of a pydantic validator", _PYDANTIC, "min(value, 10)", "min(value, 11)", "a", why="called by the validator"),
    changed("attrs default", _ATTRS, "count: int = 3", "count: int = 4", "a", why="a field's default"),
    changed("attrs validator", _ATTRS, "value > 0", "value >= 0", "a", why="called by attrs"),
    changed("attrs annotation", _ATTRS, "count: int", "count: float", "a", why="attrs reads annotations"),
    changed("default given to create_model", _MADE, "(int, 1)", "(int, 2)", "a", why="the class is made by a call"),
    changed("default given to make_class", _MADE, "default=3", "default=4", "b", why="the class is made by a call"),
    changed("beside classes made by calls", _MADE, "OTHER = 5", "OTHER = 6", "c", why="not what they are made of"),
    changed("helper of a class that a function in another module makes", _ELSEWHERE, "x + 80", "x + 81", "a", path="factory.py",
            why="its module is not where it is found"),
    changed("value given to a class that a function makes", _ELSEWHERE, '"Made", 1', '"Made", 3', "a", why="an attribute"),
    changed("helper of a class stated in a function", _ELSEWHERE, "x + 90", "x + 91", "b", path="factory.py", why="its name leads nowhere"),
    changed("value captured by a class stated in a function", _ELSEWHERE, "local(2)", "local(4)", "b", why="in the closure of a method"),
    changed("value of a member in a function's enumeration", _ELSEWHERE, "enumerated(3)", "enumerated(4)", "c", why="by its value"),
)  # fmt: skip
