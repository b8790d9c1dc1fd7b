"""Objects → fingerprints: the set of nodes that each reaches."""

import itertools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs

from pivot_fingerprint.graph import Key, Node, is_triggered
from pivot_fingerprint.model import Computed, Entry, Fingerprint, merged_digest
from pivot_fingerprint.nodes import Nodes
from pivot_fingerprint.parts import digest_text
from pivot_fingerprint.project import DiskSources, Project, Sources
from pivot_fingerprint.reach import Reach, root_digest
from pivot_fingerprint.source_texts import SourceTexts

Versions = Literal["exact", "minor", "none"]


class Fingerprinter:
    """Fingerprints the objects of one loaded project; what they share is walked once.

    It sees modules as they are when it first meets them, so make a new one after code was loaded again. `versions` says
    how much of a distribution's version counts. `volatile` names values which differ from load to load
    ("module.NAME" or "value:module.NAME"), or parts of them ("module.NAME['key']", "module.Class.ATTRIBUTE",
    "module.function, default of x"): they count by the statements that compute them. A mapping says for which
    `fallback` each is: where the statements are others, the value counts again. Files that a module reads while it
    is imported count where it is not loaded, and so do those of the project that a function reads at a path which its
    code tells, but neither where the path is something else's business by what `is_data` says, nor the latter where
    they are known to be read: `is_dep` says which somebody is known to read.
    """

    def __init__(
        self,
        project: Project,
        *,
        sources: Sources | None = None,
        versions: Versions = "exact",
        volatile: Collection[str] | Mapping[str, str] = (),
        is_data: Callable[[str], bool] = lambda _path: False,
        is_dep: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        self.project = project
        named = volatile if isinstance(volatile, Mapping) else dict.fromkeys(volatile, "")
        self._nodes = Nodes(project, sources or DiskSources(), versions, named, is_data, is_dep)
        self._reach = Reach(self._nodes)
        self._starts: dict[Key, tuple[Key, ...]] = {}
        self._files: dict[tuple[Key, ...], frozenset[str]] = {}
        """The files, by where they are reached from, that count for who has not declared them."""
        self._known: dict[tuple[tuple[Key, ...], frozenset[str]], Fingerprint] = {}
        """By what is reached from where, and which of these files count."""
        self._python = _python()

    @property
    def sources_by_digest(self) -> Mapping[str, str]:
        """The source of every node so far in normal form, by the digest of its entry."""
        return SourceTexts(self._nodes.trees)

    def fingerprint(
        self,
        obj: object,
        *,
        code_deps: Sequence[object] = (),
        ignore_code: Sequence[object] = (),
        is_dep: Callable[[str], bool] = lambda _path: True,
    ) -> Fingerprint:
        """What `obj`, a function or anything else that can be called, depends on.

        `code_deps` are objects, or paths of files and directories (relative to the root), that count as well.
        `ignore_code` are objects, or names of modules and definitions ("pkg.mod", "pkg.mod.func"), that do not.
        `is_dep` says which of the files that somebody is known to read `obj` is known to read.
        """
        root = self._nodes.key_of(obj)
        starts = list(self._starts_of(root))
        for dep in code_deps:
            if isinstance(dep, str | Path):
                starts += self._nodes.files.keys(str(dep))
            else:
                starts.append(self._nodes.key_of(dep))
        ignored = tuple(self._ignored_names(ignore_code))
        if ignored:
            return Fingerprint.of(self._entries(root, starts, ignored, is_dep), self._python)

        reached = tuple(starts)
        files = self._files.get(reached)
        known = None if files is None else self._known.get((reached, _undeclared(files, is_dep)))
        if known is None:
            asked: dict[str, bool] = {}
            manifest = self._reach.manifest(root, starts, lambda path: asked.setdefault(path, is_dep(path)))
            files = self._files[reached] = frozenset(asked)
            known = Fingerprint.lazy(manifest, lambda: self._entries(root, starts, (), is_dep), self._python)
            self._known[reached, _undeclared(files, is_dep)] = known
        return known

    def _starts_of(self, root: Key) -> tuple[Key, ...]:
        """Where to start for an object alone: from itself, the first, and the types of its parameters."""
        found = self._starts.get(root)
        if found is None:
            found = self._starts[root] = (root, *self._nodes.looked_up.parameter_types(root))
        return found

    def computed_values(self) -> dict[str, Computed]:
        """What was reached so far that statements compute, volatile or not, by "kind:module.name"."""
        return {
            item.key: attrs.evolve(item, code=self._code_of(key)) if item.volatile else item
            for key, item in list(self._nodes.computed_values())
        }

    def _code_of(self, key: Key) -> str:
        manifest = self._reach.manifest(key, [key])
        return digest_text(itertools.chain(*sorted(manifest.items())))

    def _ignored_names(self, ignore_code: Sequence[object]) -> Iterator[str]:
        for item in ignore_code:
            yield item if isinstance(item, str) else self._nodes.node(self._nodes.key_of(item)).name

    def _entries(
        self, root: Key, starts: Sequence[Key], ignored: tuple[str, ...], is_dep: Callable[[str], bool]
    ) -> Iterator[Entry]:
        reached: dict[str, tuple[Node, tuple[str, ...], list[str]]] = {}
        is_cyclic = False
        for key, node, via in self._walk(starts, ignored, is_dep):
            is_cyclic = is_cyclic or (key != root and root in node.edges)
            if not node.kind:
                continue
            name = f"{node.kind}:{node.name}"
            if name in reached:
                reached[name][2].append(node.digest)
            else:
                reached[name] = (node, via, [node.digest])
        for node, via, digests in reached.values():
            different = set(digests)
            digest = node.digest if len(different) == 1 else merged_digest(different)
            yield Entry(node.kind, node.name, digest, node.file, node.line, via, node.note, node.fallback)
        if is_cyclic:
            name = self._nodes.node(root).name
            yield Entry("root", name, root_digest(name))

    def _walk(
        self, starts: Sequence[Key], ignored: tuple[str, ...], is_dep: Callable[[str], bool]
    ) -> Iterator[tuple[Key, Node, tuple[str, ...]]]:
        """Every node reached, breadth first, with the names on the way to it."""
        make = self._nodes.node
        seen = set(starts)
        waiting: dict[Key, list[tuple[Key, tuple[str, ...]]]] = {}
        queue: list[tuple[Key, tuple[str, ...]]] = [(key, ()) for key in starts]
        for key, via in queue:
            node = make(key)
            if ignored and via and _is_ignored(node.name, ignored):
                continue
            yield key, node, via
            below = (*via, node.name) if node.kind else via
            following = list(node.edges)
            for trigger, conditional in node.conditional:
                if is_triggered(trigger, seen, is_dep):
                    following.append(conditional)
                else:
                    waiting.setdefault(trigger, []).append((conditional, below))
            for edge in following:
                if edge in seen:
                    continue
                seen.add(edge)
                queue.append((edge, below))
                for conditional, at in waiting.pop(edge, ()):
                    if conditional not in seen:
                        seen.add(conditional)
                        queue.append((conditional, at))


def _undeclared(files: Iterable[str], is_dep: Callable[[str], bool]) -> frozenset[str]:
    return frozenset(path for path in files if not is_dep(path))


def _is_ignored(name: str, ignored: tuple[str, ...]) -> bool:
    return any(name == item or name.startswith(item + ".") for item in ignored)


def _python() -> str:
    """What makes one piece of source do something else: the version, and -O, which leaves out what is asserted."""
    optimized = f" -{'O' * sys.flags.optimize}" if sys.flags.optimize else ""
    return f"{sys.version_info.major}.{sys.version_info.minor}{optimized}"
