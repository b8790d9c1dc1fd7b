"""What nodes reach, shared between the functions that reach the same: only sets are joined for each further one."""

from collections.abc import Callable, Iterable

import attrs

from pivot_fingerprint.graph import Key, Node, is_triggered
from pivot_fingerprint.model import merged_digest
from pivot_fingerprint.nodes import Nodes


@attrs.frozen(eq=False)
class Closure:
    """All that some nodes reach."""

    keys: frozenset[Key]
    entries: frozenset[tuple[str, str]]
    """("kind:name", digest) of each node that is an entry."""
    conditional: frozenset[tuple[Key, Key]]


def root_digest(name: str) -> str:
    """The digest of the entry that tells which one is meant of several functions that reach each other, since all of
    them have the same manifest but for it."""
    return merged_digest([name])


class Reach:
    """Closures of nodes, each made once."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._closures: dict[Key, Closure] = {}

    def manifest(
        self, root: Key, starts: Iterable[Key], is_dep: Callable[[str], bool] = lambda _path: True
    ) -> dict[str, str]:
        """The digests, by "kind:name", of all that the starts reach; `root` is the first of them.

        `is_dep` is asked of each file that is reached, and counts only where it is no dep.
        """
        nodes = [self._nodes.node(key) for key in starts]
        following = {edge for node in nodes for edge in node.edges if edge != root}
        closures = [self._closure(edge) for edge in following]
        is_cyclic = any(root in closure.keys for closure in closures) or any(root in node.edges for node in nodes[1:])
        whole = self._completed(_joined(zip(starts, nodes, strict=True), closures), is_dep)
        manifest = dict(whole.entries)
        if len(manifest) < len(whole.entries):
            manifest = _merged(whole.entries)
        if is_cyclic:
            name = self._nodes.node(root).name
            manifest[f"root:{name}"] = root_digest(name)
        return manifest

    def _closure(self, key: Key) -> Closure:
        found = self._closures.get(key)
        if found is None:
            found = self._closures[key] = self._walk(key)
        return found

    def _walk(self, start: Key) -> Closure:
        seen = {start}
        queue = [start]
        own: list[tuple[Key, Node]] = []
        known: list[Closure] = []
        for key in queue:
            closure = self._closures.get(key)
            if closure is not None:
                known.append(closure)
                continue
            node = self._nodes.node(key)
            own.append((key, node))
            for edge in node.edges:
                if edge not in seen:
                    seen.add(edge)
                    queue.append(edge)
        return _joined(own, known)

    def _completed(self, closure: Closure, is_dep: Callable[[str], bool]) -> Closure:
        """With the nodes that count because something else is reached as well."""
        while True:
            further = {
                key for trigger, key in closure.conditional if is_triggered(trigger, closure.keys, is_dep)
            } - closure.keys
            if not further:
                return closure
            closure = _joined((), [closure, *(self._closure(key) for key in further)])


def _joined(nodes: Iterable[tuple[Key, Node]], closures: Iterable[Closure]) -> Closure:
    keys: set[Key] = set()
    entries: set[tuple[str, str]] = set()
    conditional: set[tuple[Key, Key]] = set()
    for key, node in nodes:
        keys.add(key)
        if node.kind:
            entries.add((f"{node.kind}:{node.name}", node.digest))
        conditional.update(node.conditional)
    for closure in closures:
        keys |= closure.keys
        entries |= closure.entries
        conditional |= closure.conditional
    return Closure(frozenset(keys), frozenset(entries), frozenset(conditional))


def _merged(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    digests: dict[str, list[str]] = {}
    for name, digest in entries:
        digests.setdefault(name, []).append(digest)
    return {name: found[0] if len(found) == 1 else merged_digest(found) for name, found in digests.items()}
