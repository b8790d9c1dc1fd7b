"""What makes values that statements compute: those which differ from load to load count by it instead."""

import ast
import types
from collections.abc import Mapping
from typing import Any

import attrs

from pivot_fingerprint.definitions import LiveDefinitions
from pivot_fingerprint.graph import Content
from pivot_fingerprint.kinds import innermost, is_a
from pivot_fingerprint.modules import SourceModule
from pivot_fingerprint.statics import StaticDefinitions


@attrs.frozen(eq=False)
class MadeBy:
    """What makes a value: the digest of its source, and for what is set by statements these; `is_whole` if all of it
    is computed by them, `is_literal` if it stands there."""

    digest: str = ""
    line: int = 0
    statements: Content | None = None
    is_whole: bool = False
    is_literal: bool = False


class Makers:
    """Tells what makes values; `volatile` names those, and parts of them, that count by what makes them."""

    def __init__(self, static: StaticDefinitions, definitions: LiveDefinitions, volatile: Mapping[str, str]) -> None:
        self._static = static
        self._definitions = definitions
        self._volatile = volatile

    def made_by(self, value: Any, source: SourceModule, name: str, kind: str) -> MadeBy:
        function = innermost(value)
        bindings = source.bindings.get(name, ())
        if bindings and (kind == "value" or any(item.kind not in ("def", "class") for item in bindings)):
            statements = self._static.statements(source, name)
            is_defined = kind == "class" or is_a(value, types.FunctionType)
            is_literal = isinstance(self._static.stated(source, name), ast.expr)
            is_whole = not is_defined and not is_literal
            return MadeBy(statements.digest, bindings[-1].line, statements, is_whole=is_whole, is_literal=is_literal)
        if is_a(value, type):
            found = self._definitions.class_tree(value)
            return MadeBy(found[0].class_shell(found[1]).digest) if found is not None else MadeBy()
        tree = self._definitions.tree_of(function) if is_a(function, types.FunctionType) else None
        return MadeBy(tree[0].function(tree[1]).digest) if tree is not None else MadeBy()

    def volatile_parts(self, key: str, statements: str) -> frozenset[str]:
        """The parts of what has this key that are volatile as it is made by these statements; "" for all of it."""
        name = key.partition(":")[2]
        return frozenset(
            part
            for known, said in self._volatile.items()
            for prefix in (key, name)
            if said in ("", statements) and (part := known.removeprefix(prefix)) != known
            if part[:1] in ("", ".", "[", ",")
        )
