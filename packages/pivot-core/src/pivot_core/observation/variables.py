"""Environment variables: which of them are read."""

from __future__ import annotations

from collections.abc import Mapping

from pivot_core.storage.digests import hash_bytes


def all_variables(environ: Mapping[str, str]) -> str:
    """The digest of all environment variables, for a load that looked at the mapping as a whole."""
    lines = sorted(f"{name}={value}" for name, value in environ.items())
    return hash_bytes("\0".join(lines).encode("utf-8", "surrogateescape"))
