"""Names → what they lead to, by the modules as they are loaded.

A name that came by an import counts as what it was imported from, so that it has one name however it is reached; a name
that something else was put into (a patched function, a rebound constant) counts as what it holds now.
"""

import builtins
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pivot_fingerprint.graph import Target
from pivot_fingerprint.kinds import is_a, is_cached
from pivot_fingerprint.locate import Locator
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.parts import Chain
from pivot_fingerprint.resolve import BUILTINS, StaticNames, Targets

MISSING: Final = object()
_NOTHING: Final[Mapping[str, object]] = {}
_METHODS: Final = (types.BuiltinFunctionType, types.MethodType)
_NAMED: Final = (types.FunctionType, type, *_METHODS)


class LiveModules:
    """The namespaces of loaded modules, by name, and what their names hold."""

    def __init__(self, locator: Locator, static: StaticNames) -> None:
        self._locator = locator
        self._static = static
        self._spaces: dict[str, dict[str, Any]] = {}
        self._sources: dict[str, SourceModule | None] = {}
        self._memo: dict[tuple[str, str, int], Targets] = {}

    # -- namespaces ---------------------------------------------------------------------------------------------

    def space(self, module: str) -> dict[str, Any] | None:
        """The namespace of the loaded module, None if it is not loaded."""
        if module in self._spaces:
            return self._spaces[module]
        loaded = sys.modules.get(module)
        if is_a(loaded, types.ModuleType):
            self._spaces[module] = vars(loaded)
            return self._spaces[module]
        return None

    def register(self, space: dict[str, Any]) -> str:
        """The name of the module whose namespace this is."""
        name = self._name_of(space)
        if name not in self._spaces:
            self._spaces[name] = space
        return name

    def _name_of(self, space: dict[str, Any]) -> str:
        """What the module is called; where no import would find it under that name, its file is part of it."""
        name = str(space.get("__name__", ""))
        known = self.space(name)
        if known is space or (known is None and self._locator.locate(name).owner != "missing"):
            return name
        path = space.get("__file__")
        if isinstance(path, str) and self._locator.owner_of_file(path) == "project":
            return f"{name}@{self._locator.show(path)}"
        return name

    def is_nameless(self, space: dict[str, Any]) -> bool:
        """Whether no module's name leads to this namespace, as with an `exec`: it has none, or another's."""
        name = space.get("__name__")
        if not name or not isinstance(name, str):
            return True
        known = self.space(name)
        return known is not None and known is not space

    def source(self, module: str) -> SourceModule | None:
        """The parsed source of a loaded module of the project."""
        if module not in self._sources:
            self._sources[module] = self._find_source(module)
        return self._sources[module]

    def _find_source(self, module: str) -> SourceModule | None:
        if self._locator.locate(module).owner == "project":
            return self._locator.source(module)
        path = (self.space(module) or {}).get("__file__")
        if isinstance(path, str) and self._locator.owner_of_file(path) == "project":
            return self._locator.parse(path, module)
        return None

    # -- names --------------------------------------------------------------------------------------------------

    def in_module(self, module: str, chain: Chain) -> Targets:
        """What `chain` means in code of the loaded `module`."""
        space = self.space(module) or {}
        value = space.get(chain[0], MISSING)
        if value is not MISSING:
            return self.bound(module, chain[0], value, chain[1:])
        if chain[0] in BUILTINS:
            return ()
        return self._static.in_module(module, chain)

    def of_module(self, loaded: types.ModuleType, chain: Chain) -> Targets:
        """What `module.chain` means to who holds the loaded module."""
        space = vars(loaded)
        name = self.register(space)
        if not self._is_followed(name):
            return self._static.outside(self._locator.locate(name), chain)
        if not chain or chain[0] == "__dict__":
            return (Target(("whole", name, "live"), name),)
        own = self._own_class(loaded)
        value = space.get(chain[0], MISSING)
        if value is MISSING:
            return own or self._static.of_module(name, chain)
        return own + self.bound(name, chain[0], value, chain[1:])

    def _is_followed(self, module: str) -> bool:
        """Whether the module is the project's, or code of the project made it, so that no import finds it."""
        owner = self._locator.locate(module).owner
        return owner == "project" or self.source(module) is not None or self.is_made(module)

    def is_made(self, module: str) -> bool:
        """Whether code made the module, or somebody typed it: it counts by what it holds, as there is no source.

        One that is loaded, and no import finds, is `__main__` of a notebook, or somebody's code made it: where it holds
        no functions of Python, it is one that compiled libraries make for themselves.
        """
        if self._locator.locate(module).owner != "missing" or module not in self._spaces:
            return False
        if self.source(module) is not None:
            return False
        if module == "__main__" or module not in sys.modules:
            return True
        return any(type(value) is types.FunctionType for value in list(self._spaces[module].values()))

    def _own_class(self, loaded: types.ModuleType) -> Targets:
        """The class that the project gave to a module: it may answer for any name."""
        cls = type(loaded)
        if cls is types.ModuleType or self.source(str(cls.__module__)) is None:
            return ()
        return self._defined(cls.__module__, cls.__qualname__)

    def bound(self, module: str, name: str, value: object, rest: Chain) -> Targets:
        """What the name, which holds `value` in `module`, counts as; `rest` are the attributes taken of it."""
        if is_a(value, types.ModuleType):
            return self.of_module(value, rest)
        key = (module, name, id(value))
        if key not in self._memo:
            self._memo[key] = ()
            self._memo[key] = self._canonical(module, name, value)
        return self._memo[key]

    def _canonical(self, module: str, name: str, value: object) -> Targets:
        if self.is_ignored(value):
            return (Target(None, ""),)
        imported = self._through_import(module, name, value)
        if imported is not None:
            return imported
        home = self.home(value)
        if home is not None:
            return self._defined(*home)
        return (Target(("live", module, name), f"{module}.{name}"),)

    def _through_import(self, module: str, name: str, value: object) -> Targets | None:
        source = self.source(module)
        if source is None:
            return None
        bindings = source.bindings.get(name)
        if bindings is None:
            found = [self._imported_from(star, name, value) for star in reversed(source.stars)]
        elif all(binding.kind == "import" for binding in bindings):
            found = [
                self._imported_from(binding.ref[0], binding.ref[1][0], value) for binding in bindings if binding.ref[1]
            ]
        else:
            return None
        return next((targets for targets in found if targets is not None), None)

    def _imported_from(self, module: str, name: str, value: object) -> Targets | None:
        space = self.space(module)
        if space is None or space.get(name, MISSING) is not value:
            return None
        location = self._locator.locate(module)
        if location.owner != "project":
            return self._static.outside(location, (name,))
        return self.bound(module, name, value, ())

    def _defined(self, module: str, qualified: str) -> Targets:
        if self._is_followed(module):
            return (Target(("live", module, qualified), f"{module}.{qualified}"),)
        return self._static.outside(self._locator.locate(module), tuple(qualified.split(".")))

    def outside(self, module: str, chain: Chain) -> Targets:
        """A name of a module that is not the project's."""
        return self._static.outside(self._locator.locate(module), chain)

    def home(self, value: Any) -> tuple[str, str] | None:
        """The module and qualified name that a function or class says it has, if it is indeed found there."""
        if not issubclass(type(value), _NAMED) and not is_cached(value):
            return None
        try:
            module, qualified = value.__module__, value.__qualname__
            if type(value) in _METHODS:
                # `random.choice` is a method of an instance that the module keeps: it goes by its name there.
                module, qualified = module or type(value.__self__).__module__, value.__name__
        except Exception:  # noqa: BLE001 # a metaclass may do anything
            return None
        if not isinstance(module, str) or not isinstance(qualified, str):
            return None
        return (module, qualified) if self.find(module, qualified) is value else None

    def find(self, module: str, qualified: str) -> object:
        """What is found under the qualified name in the loaded module, without running any code; else MISSING."""
        first, *rest = qualified.split(".")
        found = (self.space(module) or {}).get(first, MISSING)
        for name in rest:
            if not is_a(found, type):
                return MISSING
            found = type.__getattribute__(found, "__dict__").get(name, MISSING)
        return found

    def is_ignored(self, value: object) -> bool:
        """Whether the value is of a package that never counts."""
        if is_a(value, types.FunctionType):
            module: object = value.__module__
        else:
            owner = value if is_a(value, type) else type(value)
            module = type.__getattribute__(owner, "__dict__").get("__module__")
        return isinstance(module, str) and self._locator.locate(module.partition(".")[0]).owner == "ignored"

    def text(self, module: str, chain: Chain) -> str | None:
        """The string that the chain holds now."""
        value = (self.space(module) or {}).get(chain[0], MISSING)
        for name in chain[1:]:
            if not is_a(value, types.ModuleType):
                return None
            value = vars(value).get(name, MISSING)
        return value if type(value) is str else None


class FunctionNames:
    """Names as a live function sees them: the cells of its closure, its module's namespace, the builtins."""

    mode = "live"

    def __init__(self, modules: LiveModules, module: str, cells: Mapping[str, object] = _NOTHING) -> None:
        self._modules = modules
        self._cells = cells
        self.module = module
        self.optional: frozenset[str] | None = None
        """Where this is set, a name that is found nowhere and is not in it is no concern of the code."""

    def resolve(self, chain: Chain) -> Iterable[Target]:
        root = chain[0]
        if root in self._cells:
            value = self._cells[root]
            return self._modules.of_module(value, chain[1:]) if is_a(value, types.ModuleType) else ()
        if self.optional is not None and root not in self.optional:
            space = self._modules.space(self.module) or {}
            if root not in space and not hasattr(builtins, root):
                return ()
        return self._modules.in_module(self.module, chain)

    def text(self, chain: Chain) -> str | None:
        return self._modules.text(self.module, chain)
