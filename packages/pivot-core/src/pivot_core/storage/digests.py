"""Digests of bytes: xxh3_128, written "xxh3:<32 hex digits>".

Files are read in chunks rather than mapped: a mapped file that is truncated meanwhile kills the reader with SIGBUS, and
reading costs no more than copying the bytes once. The GIL is free while reading and hashing.
"""

from __future__ import annotations

import os
import re

import xxhash

from pivot_core.model import Digest

_SMALL = 1 << 16  # bytes
CHUNK = 1 << 20  # bytes; larger ones are no faster, smaller ones are
READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
TREE_SUFFIX = ".tree"
_DIGEST = re.compile(r"xxh3:([0-9a-f]{32}(?:\.tree)?)")


def hash_bytes(data: bytes) -> Digest:
    return "xxh3:" + xxhash.xxh3_128_hexdigest(data)


def hash_descriptor(descriptor: int, size: int) -> Digest:
    """The digest of an open file, from its start, in constant memory. `size` is its size in bytes unless it grows."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    first = os.read(descriptor, size + 1) if size < CHUNK else b""
    if first and len(first) == size:
        return hash_bytes(first)
    return _read_through(descriptor, xxhash.xxh3_128(first))


def copy_descriptor(source: int, target: int) -> Digest:
    """Copy the open file `source`, read from its start, to `target`, and return the digest of it."""
    first = os.read(source, _SMALL)  # filling a large buffer with zeros would take longer than all the rest
    _write_all(target, first)
    if len(first) < _SMALL and not os.read(source, 1):
        return hash_bytes(first)
    os.lseek(source, len(first), os.SEEK_SET)
    return _read_through(source, xxhash.xxh3_128(first), target)


def object_name(digest: Digest) -> str | None:
    """The hex digits of a digest with the suffix of a tree; None for text that is no digest of ours."""
    match = _DIGEST.fullmatch(digest)
    return match[1] if match else None


def _read_through(source: int, hasher: xxhash.xxh3_128, target: int | None = None) -> Digest:
    buffer = memoryview(bytearray(CHUNK))
    with open(source, "rb", buffering=0, closefd=False) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
            if target is not None:
                _write_all(target, buffer[:count])
    return "xxh3:" + hasher.hexdigest()


def _write_all(target: int, data: bytes | memoryview) -> None:
    written = 0
    while written < len(data):
        written += os.write(target, data[written:])
