"""Names → what they lead to, by the source alone (`StaticNames`): no module is imported or looked into for it."""

import ast
import builtins
from typing import Final

from pivot_fingerprint.graph import Key, Target
from pivot_fingerprint.locate import Location, Locator
from pivot_fingerprint.modules import Binding, SourceModule
from pivot_fingerprint.parts import Chain, digest_text
from pivot_fingerprint.trees import docstring_of

Targets = tuple[Target, ...]
BUILTINS: Final = frozenset(vars(builtins)) | {
    "__builtins__",
    "__spec__",
    "__loader__",
    "__cached__",
    "__class__",
    "__path__",
}


def static_key(module: str, name: str) -> Key:
    return ("static", module, name)


class StaticNames:
    """Resolves names through the modules' statements: imports, re-exports, star imports, submodules, `__getattr__`."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator
        self._memo: dict[tuple[str, Chain, bool], Targets] = {}

    def in_module(self, module: str, chain: Chain) -> Targets:
        """What `chain` means in code of `module`."""
        return self._resolve(module, chain, is_attribute=False)

    def of_module(self, module: str, chain: Chain) -> Targets:
        """What `module.chain` means to who has imported `module`."""
        return self._resolve(module, chain, is_attribute=True)

    def _resolve(self, module: str, chain: Chain, *, is_attribute: bool) -> Targets:
        key = (module, chain, is_attribute)
        if key not in self._memo:
            self._memo[key] = ()
            self._memo[key] = self._look_up(module, chain, is_attribute=is_attribute)
        return self._memo[key]

    def _look_up(self, module: str, chain: Chain, *, is_attribute: bool) -> Targets:
        location = self._locator.locate(module)
        if location.owner != "project":
            return self.outside(location, chain)
        if not chain:
            return (Target(("whole", module, "static"), module),)
        source = self._locator.source(module)
        name = chain[0]
        if is_attribute and name == "__dict__":
            return (Target(("whole", module, "static"), module),)
        if source is None:
            if self._locator.locate(f"{module}.{name}").owner != "missing":
                return self.of_module(f"{module}.{name}", chain[1:])
            return (Target(("file", location.path), module),) if location.path else self._missing(module, name)
        if name in source.bindings:
            return self._through(source, name, chain[1:])
        for star in reversed(source.stars):
            if self.exports(star, name):
                return self.of_module(star, chain)
        special = self._special(source, name)
        if special is not None:
            return special
        if not is_attribute and name in BUILTINS:
            return ()
        setters = source.rebinders(name)
        if setters:
            return tuple(Target(static_key(module, setter), f"{module}.{name}") for setter in setters)
        if location.is_package and self._locator.locate(f"{module}.{name}").owner != "missing":
            return self.of_module(f"{module}.{name}", chain[1:])
        if is_attribute and source.has_own_class:
            return (Target(("whole", module, "static"), f"{module}.{name}"),)
        if is_attribute and "__getattr__" in source.bindings:
            return (Target(static_key(module, "__getattr__"), f"{module}.{name}"),)
        if source.sets_names_by_text:
            return (Target(("whole", module, "static"), f"{module}.{name}"),)
        return self._missing(module, name)

    def _through(self, source: SourceModule, name: str, rest: Chain) -> Targets:
        found: list[Target] = []
        own = False
        for binding in source.bindings[name]:
            if binding.kind == "import":
                found.extend(self._imported(source, name, binding, rest))
            else:
                own = True
        if own:
            found.append(Target(static_key(source.name, name), f"{source.name}.{name}"))
        return tuple(dict.fromkeys(found))

    def _imported(self, source: SourceModule, name: str, binding: Binding, rest: Chain) -> Targets:
        module, attribute = binding.ref
        if attribute == (name,) and module == source.name:
            return self.of_module(f"{module}.{name}", rest)
        return self.of_module(module, attribute + rest)

    def _special(self, source: SourceModule, name: str) -> Targets | None:
        if name == "__name__":
            return (Target(None, source.name),)
        if name == "__doc__":
            return (Target(None, digest_text([docstring_of(source.tree)])),)
        if name in ("__file__", "__package__"):
            return (Target(None, f"{source.name}:{name}"),)
        return None

    def literal_text(self, module: str, chain: Chain) -> str | None:
        """The string that the name is set to by its only statement."""
        source = self._locator.source(module)
        bindings = source.bindings.get(chain[0], []) if source and len(chain) == 1 else []
        if len(bindings) != 1 or not isinstance(bindings[0].node, ast.Assign):
            return None
        value = bindings[0].node.value
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None

    def exports(self, module: str, name: str) -> bool:
        """Whether `from module import *` gives `name`."""
        source = self._locator.source(module)
        if source is None:
            return False
        listed = source.listed_names()
        if listed is not None:
            return name in listed
        if name.startswith("_"):
            return False
        return name in source.bindings or any(self.exports(star, name) for star in source.stars if star != module)

    def outside(self, location: Location, chain: Chain) -> Targets:
        """A name of a module that is not followed: the name counts, and the version of what it comes from."""
        if location.owner == "ignored":
            return (Target(None, ""),)
        if location.owner == "missing":
            return (Target(("missing", location.name), f"{location.name}?"),)
        label = ".".join((location.name, *chain))
        if location.owner == "file":
            return (Target(("file", location.path), label),)
        for attribute in chain:
            if location.distribution is not None or location.owner != "distribution":
                break
            location = self._locator.locate(f"{location.name}.{attribute}")
        if location.distribution is None:
            return (Target(None, label),)
        return (Target(("dist", location.distribution.name, location.distribution.version), label),)

    def _missing(self, module: str, name: str) -> Targets:
        full = f"{module}.{name}"
        return (Target(("missing", full), f"{full}?"),)
