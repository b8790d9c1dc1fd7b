"""Text that libraries evaluate where it is given to them: the names that it looks up there."""

import re
from collections.abc import Iterator
from typing import Final

from pivot_fingerprint.parts import Chain

QUERIES: Final = frozenset({"query", "eval"})
"""Methods that evaluate a text in which `@name` is a variable of the code that calls them, as those of data frames."""

_NAME: Final = re.compile(r"@([^\W\d]\w*(?:\.[^\W\d]\w*)*)")


def names_in_query(text: str) -> Iterator[Chain]:
    """The variables in `text`, with the attributes taken of them: `x > @limits.low` gives `("limits", "low")`."""
    for found in _NAME.findall(text):
        yield tuple(found.split("."))
