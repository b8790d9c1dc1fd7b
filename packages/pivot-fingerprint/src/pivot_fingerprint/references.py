"""What a piece of source uses: collected scope by scope, so that locals are told from what is looked up outside."""

from collections import Counter, defaultdict
from typing import Final, Literal

from pivot_fingerprint.parts import Acts, Chain, Dynamic, Part, Ref

Use = Literal["load", "store", "call", "discard", "apply"]
_CALLING: Final = frozenset({"call", "discard", "apply"})

_NONE: Final = Acts()

ANNOTATION_READERS: Final = frozenset(
    {"get_type_hints", "get_annotations", "__annotations__", "signature", "getfullargspec", "__signature__"}
)
DOC_READERS: Final = frozenset({"__doc__", "getdoc"})
TEXT_READERS: Final = frozenset({"getsource", "getsourcelines", "getsourcefile", "getcomments", "findsource"})
FILE_READERS: Final = frozenset(
    {"open", "load", "fromfile", "loadtxt", "genfromtxt", "get_template", "open_text", "open_binary", "get_data"}
)
INPUT_READERS: Final = frozenset(
    {"getenv", "environ", "glob", "iglob", "iterdir", "listdir", "scandir", "walk", "exists", "is_file", "is_dir",
     "check_output", "run", "urlopen", "get", "now", "today", "time"}
)  # fmt: skip


class _Scope:
    __slots__ = ("around", "bound", "globals", "imports", "kind", "parent", "targets", "uses")

    def __init__(self, kind: Literal["module", "function", "class"], parent: "_Scope | None") -> None:
        self.kind = kind
        self.parent = parent
        self.around: tuple[str, ...] = ()
        self.bound: set[str] = set()
        self.targets: set[str] | None = None
        self.globals: set[str] = set()
        self.imports: dict[str, list[Ref]] = {}
        self.uses: list[tuple[Chain, Use, tuple[str, ...]]] = []


class References:
    """The names that one piece of source uses and binds, told while it is read from top to bottom."""

    def __init__(self) -> None:
        self.executes: set[str] = set()
        self.dynamic: list[Dynamic] = []
        self.reads: set[str] = set()
        self.variables: set[str] = set()
        self._top = _Scope("module", None)
        self._scope = self._top
        self._labels: set[tuple[str, str]] = set()
        self._rebinds: set[str] = set()
        self._loads: defaultdict[Ref, int] = defaultdict(int)
        self._acts: list[tuple[Use, Ref, tuple[str, ...]]] = []
        self._defaults = slice(0)
        self._within: tuple[str, ...] = ()
        self._called: set[str] = set()

    @property
    def is_in_class(self) -> bool:
        return self._scope.kind == "class"

    # -- scopes -------------------------------------------------------------------------------------------------

    def open(self, kind: Literal["function", "class"], later: str = "") -> None:
        """Enter a scope. `later` is the name of a function whose code does not run where it stands."""
        self._scope = _Scope(kind, self._scope)
        self._scope.around = self._within
        if later:
            self._within = (*self._within, later)

    def close(self) -> None:
        self._within = self._scope.around
        scope = self._scope
        parent = scope.parent
        assert parent is not None
        self._scope = parent
        if scope.kind == "class":
            # They become attributes of the class, used by way of it.
            for ref in (ref for refs in scope.imports.values() for ref in refs):
                self._loads[ref] += 1
        outer = parent
        if scope.kind == "function":
            while outer.kind == "class" and outer.parent is not None:
                outer = outer.parent
        for item in scope.uses:
            root = item[0][0]
            if root in scope.globals:
                self._top.uses.append(item)
            elif root in scope.imports:
                self._resolve(scope, *item)
            elif scope.kind == "class" or root not in scope.bound:
                outer.uses.append(item)

    def _resolve(self, scope: _Scope, chain: Chain, use: Use, within: tuple[str, ...]) -> None:
        bound = scope.imports.get(chain[0])
        if not bound:
            self._note(use, ("", chain), within)
            return
        for module, attributes in bound:
            self._labels.add((chain[0], ".".join((module, *attributes))))
            self._note(use, (module, attributes + chain[1:]), within)

    def _note(self, use: Use, ref: Ref, within: tuple[str, ...]) -> None:
        if use == "load":
            self._loads[ref] += 1
        else:
            self._acts.append((use, ref, within))

    def count(self) -> int:
        """How many uses there are so far in the innermost scope."""
        return len(self._scope.uses)

    def mark_defaults(self, since: int) -> None:
        """The uses since then are those in the defaults of the function that is read."""
        self._defaults = slice(since, self.count())

    def finish(self, digest: str) -> Part:
        while self._scope.parent is not None:
            self.close()
        in_defaults = self._top.uses[self._defaults]
        del self._top.uses[self._defaults]
        for item in self._top.uses:
            self._resolve(self._top, *item)
        elsewhere = frozenset(self._loads)
        for item in in_defaults:
            self._resolve(self._top, *item)
        return Part(
            digest=digest,
            refs=frozenset(self._loads),
            default_refs=frozenset(self._loads) - elsewhere,
            values=self._values(),
            labels=frozenset(self._labels),
            executes=frozenset(self.executes),
            acts=self._acts_at(0),
            later=self._acts_at(1),
            rebinds=frozenset(self._rebinds),
            dynamic=tuple(self.dynamic),
            reads=frozenset(self.reads),
            variables=frozenset(self.variables),
        )

    def _values(self) -> frozenset[Ref]:
        """The references which are not only called."""
        called = Counter(ref for use, ref, _ in self._acts if use in ("call", "discard"))
        return frozenset(ref for ref, count in self._loads.items() if count > called[ref])

    def _acts_at(self, depth: int) -> Acts:
        """What is done in functions inside `depth` others that are made and not called."""
        found: dict[Use, set[Ref]] = {"store": set(), "call": set(), "discard": set(), "apply": set()}
        for use, ref, within in self._acts:
            if sum(name not in self._called for name in within) == depth:
                found[use].add(ref)
        if not any(found.values()):
            return _NONE
        return Acts(
            frozenset(found["store"]),
            frozenset(found["call"] | found["discard"] | found["apply"]),
            frozenset(found["discard"]),
            frozenset(found["apply"]),
        )

    # -- names --------------------------------------------------------------------------------------------------

    def use(self, chain: Chain, use: Use = "load") -> None:
        scope = self._scope
        if use in _CALLING and chain[-1] not in self._within:
            self._called.add(chain[-1])
        if scope.kind == "class" and chain[0] in scope.bound and chain[0] not in scope.imports:
            return
        scope.uses.append((chain, use, self._within))

    def use_global(self, name: str) -> None:
        self._top.uses.append(((name,), "load", ()))

    def use_import(self, ref: Ref) -> None:
        """Something of a module is used without a name in between."""
        self._loads[ref] += 1

    def bind(self, name: str) -> None:
        if name in self._scope.globals:
            self._rebinds.add(name)
        (self._scope.bound if self._scope.targets is None else self._scope.targets).add(name)

    def begin_assignment(self) -> None:
        """In a class, the value that is assigned may use what the targets are called outside of it."""
        if self.is_in_class:
            self._scope.targets = set()

    def end_assignment(self) -> None:
        if self._scope.targets is not None:
            self._scope.bound |= self._scope.targets
            self._scope.targets = None

    def bind_around(self, name: str) -> None:
        """Bind a name as `:=` does: in a comprehension it is bound in the function around it as well."""
        scope: _Scope | None = self._scope
        while scope is not None:
            if name in scope.globals:
                self._rebinds.add(name)
            scope.bound.add(name)
            scope = scope.parent if scope.kind == "function" else None

    def bind_local(self, name: str) -> None:
        self._scope.bound.add(name)

    def bind_import(self, name: str, ref: Ref) -> None:
        if name in self._scope.globals:
            self._rebinds.add(name)
            self._loads[ref] += 1
        self._scope.imports.setdefault(name, []).append(ref)

    def is_local(self, name: str) -> bool:
        """Whether the name is bound so far in a function or class that is being read."""
        scope: _Scope | None = self._scope
        while scope is not None and scope is not self._top:
            if name in scope.bound or name in scope.imports:
                return True
            scope = scope.parent
        return False

    def can_hold_import(self, name: str) -> bool:
        """Whether the name is a local one, so that a module assigned to it is used by way of it only."""
        return self._scope is not self._top and name not in self._scope.globals

    def rebind(self, name: str) -> None:
        self._rebinds.add(name)

    def declare_global(self, names: list[str]) -> None:
        self._scope.globals.update(names)

    def note_reads(self, name: str) -> None:
        """The attribute or function of this name may look up something about other definitions."""
        what = looks_up(name)
        if what is not None:
            self.reads.add(what)


def looks_up(name: str) -> str | None:
    """What of `Part.reads` the attribute or function of this name gives, if anything."""
    if name in ANNOTATION_READERS:
        return "annotations"
    if name in DOC_READERS:
        return "doc"
    if name in TEXT_READERS:
        return "text"
    if name == "__subclasses__":
        return "subclasses"
    if name in FILE_READERS or name.startswith("read_"):
        return "file"
    if name in INPUT_READERS:
        return "input"
    return "named file" if reads_what_it_is_given(name) else None


def reads_what_it_is_given(name: str) -> bool:
    """Whether a function of this name is likely to read the file that it is given: `read_csv`, `_load`, `from_yaml`."""
    return name.lstrip("_").startswith(("read", "load", "parse", "from_"))
