"""Digests of bytes: xxh3_128, written "xxh3:<32 hex digits>".

Files are read in chunks rather than mapped: a mapped file that is truncated meanwhile kills the reader with SIGBUS, and
from 1 MiB chunks on the difference is about the time of copying memory. The GIL is free while reading and hashing.
"""

from __future__ import annotations

import os
import re

import xxhash

from pivot_core.model import Digest

CHUNK = 1 << 20  # bytes
TREE_SUFFIX = ".tree"
_DIGEST = re.compile(r"xxh3:([0-9a-f]{32})(\.tree)?")


def hash_bytes(data: bytes) -> Digest:
    return "xxh3:" + xxhash.xxh3_128_hexdigest(data)


def hash_descriptor(descriptor: int, size: int) -> Digest:
    """The digest of what is left to read from an open file, in constant memory. `size` is a hint, in bytes."""
    if size < CHUNK:
        first = os.read(descriptor, size + 1)
        if len(first) <= size and not (rest := os.read(descriptor, CHUNK)):
            return hash_bytes(first)
        first += rest if len(first) <= size else b""
    else:
        first = b""
    hasher = xxhash.xxh3_128(first)
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    while count := os.readv(descriptor, [buffer]):
        hasher.update(view[:count])
    return "xxh3:" + hasher.hexdigest()


def copy_descriptor(source: int, target: int) -> Digest:
    """Copy what is left to read from `source` to `target` and return its digest."""
    hasher = xxhash.xxh3_128()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    while count := os.readv(source, [buffer]):
        hasher.update(view[:count])
        written = 0
        while written < count:
            written += os.write(target, view[written:count])
    return "xxh3:" + hasher.hexdigest()


def object_name(digest: Digest) -> str | None:
    """The hex digits of a digest with the suffix of a tree; None for text that is no digest of ours."""
    match = _DIGEST.fullmatch(digest)
    return match[1] + (match[2] or "") if match else None
