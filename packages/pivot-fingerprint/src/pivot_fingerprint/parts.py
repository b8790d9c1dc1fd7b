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


@attrs.frozen
class Part:
    """What one piece of source does (`digest`) and uses."""

    digest: str
    refs: frozenset[Ref]
    default_refs: frozenset[Ref]
    """Those of them that are used only to compute the defaults of the function's parameters."""
    labels: frozenset[tuple[str, str]]
    """(local name, what an import in the piece binds it to), for the names that are used."""
    executes: frozenset[str]
    """Modules which imports in the piece load."""
    stores: frozenset[Ref]
    """Attributes and items set on something that is not the piece's own."""
    calls: frozenset[Ref]
    discarded: frozenset[Ref]
    """Calls whose result is thrown away: made for their effect."""
    rebinds: frozenset[str]
    """Names set by way of `global`."""
    dynamic: tuple[Dynamic, ...]
    reads: frozenset[str]
    """"annotations", "doc", "subclasses": what the piece looks up about other definitions."""


def digest_text(parts: Iterable[str]) -> str:
    """A digest over strings which cannot run into each other."""
    return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode("utf-8", "surrogatepass"))
