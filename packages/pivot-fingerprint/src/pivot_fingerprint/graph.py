"""The graph that is walked: one node for each definition, value, module effect or distribution that code can reach.

A node's digest covers its own content only, the names of what it uses included; what those are is in the nodes its
edges lead to. So a node is made once however many functions reach it, and a fingerprint is the set of nodes reached.
"""

import ast
from collections.abc import Callable, Container, Iterable
from typing import Final

import attrs

from pivot_fingerprint.model import Computed
from pivot_fingerprint.parts import digest_text

Key = tuple[str, ...]
"""What identifies a node: a tag ("live", "static", "dist" and so on), then what it is about."""

DEFINITION_TAGS: Final = frozenset({"live", "static", "member"})
_ASKED: Final = ("annotations", "doc")
"""What code may ask of a definition that it is given, so that no name leads to it."""


_UNDECLARED: Final = "undeclared"


def undeclared(path: str) -> Key:
    """What triggers that a file counts for who reads it, and does not have it among its deps."""
    return (_UNDECLARED, path)


def is_triggered(trigger: Key, reached: Container[Key], is_dep: Callable[[str], bool]) -> bool:
    """Whether a condition holds for who reaches these nodes, and has the files among its deps that `is_dep` says."""
    return trigger in reached or (trigger[0] == _UNDECLARED and not is_dep(trigger[1]))


@attrs.frozen
class Target:
    """What a name leads to: the node (None where nothing is to be followed) and its name as it counts in digests."""

    key: Key | None
    label: str


@attrs.frozen(eq=False)
class Node:
    kind: str
    """The entry's kind; "" if the node only leads on to others."""
    name: str
    digest: str
    file: str = ""
    line: int = 0
    note: str = ""
    fallback: str = ""
    edges: tuple[Key, ...] = ()
    conditional: tuple[tuple[Key, Key], ...] = ()
    """(trigger, node): the node counts where the trigger is reached as well."""
    reads: frozenset[str] = frozenset()
    computed: Computed | None = None
    """The values in it that statements compute, if there are any."""


class Content:
    """What goes into a node while it is being made."""

    def __init__(self, volatile: frozenset[str] = frozenset()) -> None:
        """`volatile` names parts of the value that are to be left out."""
        self.volatile = volatile
        self.left_out: dict[str, None] = {}
        self.parts: dict[str, str] = {}
        """The digests of what the value holds that its source may not say."""
        self.tokens: list[str] = []
        self.edges: dict[Key, None] = {}
        self.conditional: dict[tuple[Key, Key], None] = {}
        self.notes: dict[str, None] = {}
        self.is_opaque = False
        """Whether some of a value could not be taken by what it holds."""
        self.reads: set[str] = set()
        self.trees: list[ast.AST] = []

    def add(self, *tokens: str) -> None:
        self.tokens.extend(tokens)

    def link(self, name: str, targets: Iterable[Target]) -> None:
        """Record that `name` leads to `targets`."""
        for target in targets:
            if target.label:
                self.tokens.append(f"{name}={target.label}")
            if target.key is not None:
                self.edges[target.key] = None

    def hold_definitions(self, targets: Iterable[Target]) -> None:
        """Record that these are given to something else or kept: whatever asks about what it is given may ask them."""
        for target in targets:
            if target.key is not None and target.key[0] in DEFINITION_TAGS:
                self.answer(target.key)

    def answer(self, key: Key) -> None:
        """Record that whatever asks about what it is given may ask this definition: what is given may be an instance
        of a class, found in some way that no name tells."""
        for what in _ASKED:
            self.conditional[(("asking", what), (what, *key))] = None

    def hold(self, part: str, write: Callable[[], None], *, is_value: bool = True) -> bool:
        """Add what `write` writes of a part, unless that is volatile; say whether it was added."""
        if part in self.volatile:
            self.add("volatile")
            self.left_out[part] = None
            return False
        start = len(self.tokens)
        write()
        if is_value:
            self.parts[part] = digest_text(self.tokens[start:])
        return True

    def note(self, text: str) -> None:
        self.notes[text] = None

    def cut(self, what: str) -> None:
        """Forget what was added of a value that is too large to be looked at."""
        self.tokens = ["cut", what]
        self.parts.clear()
        self.edges.clear()
        self.is_opaque = True
        self.note(f"{what}: cut, too large")

    @property
    def digest(self) -> str:
        return digest_text(self.tokens)

    def node(
        self,
        kind: str,
        name: str,
        *,
        file: str = "",
        line: int = 0,
        fallback: str = "",
        computed: Computed | None = None,
    ) -> Node:
        return Node(
            kind=kind,
            name=name,
            digest=self.digest,
            file=file,
            line=line,
            note="; ".join(self.notes),
            fallback=fallback,
            edges=(*self.edges, *(("asking", what) for what in _ASKED if what in self.reads)),
            conditional=tuple(self.conditional),
            reads=frozenset(self.reads),
            computed=computed,
        )
