"""What reading a piece of source gives."""

from collections.abc import Iterable

import attrs
import xxhash

Chain = tuple[str, ...]
Ref = tuple[str, Chain]
"""(module, chain): the chain is looked up in the imported module, or where that is "" in the module at hand."""


@attrs.frozen
class Dynamic:
    """A place where the code chooses while it runs what it uses: `what` names the call."""

    what: str
    line: int
    prefix: str = ""
    """What the name that is looked up is known to begin with."""
    argument: Chain = ()
    """The variable that holds the name, if it is one."""
    module: Chain = ()
    """What leads to the module whose name it begins with, if that is known."""


@attrs.frozen
class Acts:
    """What code does to what is not its own, when it runs."""

    stores: frozenset[Ref] = frozenset()
    """What it sets attributes and items of, and the attributes."""
    calls: frozenset[Ref] = frozenset()
    discarded: frozenset[Ref] = frozenset()
    """Calls whose result is thrown away: made for their effect."""
    applied: frozenset[Ref] = frozenset()
    """Calls whose result is called: `f(x)(y)`."""


@attrs.frozen
class Part:
    """What one piece of source does (`digest`) and uses."""

    digest: str
    refs: frozenset[Ref]
    default_refs: frozenset[Ref]
    """Those of them that are used only to compute the defaults of the function's parameters."""
    values: frozenset[Ref]
    """Those of them that are not only called, but given to something else, or kept."""
    labels: frozenset[tuple[str, str]]
    """(local name, what an import in the piece binds it to), for the names that are used."""
    executes: frozenset[str]
    """Modules which imports in the piece load."""
    acts: Acts
    later: Acts
    """What the functions do that the piece makes and does not call itself."""
    rebinds: frozenset[str]
    """Names set by way of `global`."""
    dynamic: tuple[Dynamic, ...]
    reads: frozenset[str]
    """"annotations", "doc", "subclasses", "text": what the piece looks up about other definitions; "file", "input"."""
    variables: frozenset[str]
    """Environment variables that it reads, "" for one with a computed name."""


def digest_text(parts: Iterable[str]) -> str:
    """A digest over strings which cannot run into each other."""
    return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode("utf-8", "surrogatepass"))
