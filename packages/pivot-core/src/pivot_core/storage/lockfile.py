"""Lock files: one a stage, in `.pivot/stages`, in git. What one says is true, or it counts as absent."""

from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

import xxhash

from pivot_core.errors import SEE_THERE, ProjectError
from pivot_core.model import Record
from pivot_core.storage.locktext import checked, emit, parse, stage_of
from pivot_core.storage.looks import Looks
from pivot_core.storage.remove import replace
from pivot_core.storage.stamps import Stamp

SUFFIX = ".lock"
_TEMPORARY = ".tmp-"
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+=,")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_LONGEST = 180  # bytes of a file name before it is cut
_CONFLICT = b"<<<<<<< "
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for whoever writes to what is a pipe


class LockFiles:
    """Implements `interfaces.Records` in `directory`, which is made when it is needed. `looks` takes notes.

    What was read or written is not read again while the stamp of the file is the same: other Pivots do not write
    meanwhile, and what git or an editor does leaves another stamp.
    """

    def __init__(self, directory: Path) -> None:
        self.looks: Looks | None = None
        self._directory = directory
        self._problems: dict[str, str] = {}
        self._known: dict[str, tuple[Stamp, Record]] = {}

    def read(self, stage: str) -> Record | None:
        """The record of a stage; None where there is none, or none to be trusted (see `problem`).

        Raises ProjectError where Pivot wrote the file but this version cannot use it.
        """
        self._problems.pop(stage, None)
        path = self._place(stage)
        name = path.rpartition("/")[2]
        if self.looks is not None:
            self.looks.at(path)
        known = self._known.get(stage)
        try:
            if known is not None and _stamp(path) == known[0]:
                return known[1]
            data, stamp = _stamped_bytes_of(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProjectError(
                f"{path}: cannot be read: {error.strerror}",
                "Make it a file that you can read, or remove it: then the outs of the stage are restored, or it runs.",
            ) from None
        text = _checked(data)
        if text is None:
            self._problems[stage] = f"{name} {_what_is_wrong(data)}"
            return None
        record = parse(text)
        if record is None:
            from pivot_core.storage.lockschema import read_yaml

            record = read_yaml(text, name)
        if record.stage != stage:
            self._problems[stage] = f"{name} is of another stage, {record.stage}"
            return None
        self._known[stage] = (stamp, record)
        return record

    def problem(self, stage: str) -> str:
        """Why the last `read` of this stage trusted no record although there is a file; else empty."""
        return self._problems.get(stage, "")

    def write(self, record: Record) -> None:
        """Write the lock file of a stage, in one step, if it would differ. Raises ProjectError."""
        path, data = self._place(record.stage), emit(record)
        temporary = f"{self._directory}/{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            if not _holds(path, data):
                with self._new(temporary) as file:
                    if file.write(data) != len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                replace(temporary, path)
            self._known[record.stage] = (_stamp(path), record)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise ProjectError(f"{path}: cannot be written: {error.strerror}", SEE_THERE) from None

    def remove(self, stage: str) -> None:
        """Remove the lock file of a stage, if there is one."""
        self.path(stage).unlink(missing_ok=True)

    def stages(self) -> list[str]:
        """The stages that have a lock file, sorted, whatever is in it."""
        return self.others(())

    def others(self, stages: Iterable[str]) -> list[str]:
        """The stages that have a lock file and are not among `stages`, sorted."""
        if self.looks is not None:
            self.looks.at(str(self._directory))
        try:
            found = os.listdir(self._directory)  # noqa: PTH208 - text alone
        except OSError:
            return []
        names = {name for name in found if name.endswith(SUFFIX) and name != SUFFIX}
        names -= {file_name(stage) + SUFFIX for stage in stages}
        named = [self._stage_of(self._directory / name) for name in names]
        return sorted(stage for stage in named if stage is not None)

    def clean(self) -> None:
        """Remove what killed writers have left. Only while no other process writes."""
        for path in self._directory.glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def path(self, stage: str) -> Path:
        """Where the lock file of a stage is."""
        return Path(self._place(stage))

    def _place(self, stage: str) -> str:
        return f"{self._directory}/{file_name(stage)}{SUFFIX}"

    def _stage_of(self, path: Path) -> str | None:
        stem = path.stem
        if "~" not in stem:
            return _stage_named(stem)
        try:
            text = _checked(_bytes_of(str(path)))
        except OSError:
            return None
        return None if text is None else stage_of(text)

    def _new(self, path: str) -> FileIO:
        try:
            return FileIO(path, "x")
        except FileNotFoundError:
            self._directory.mkdir(parents=True, exist_ok=True)
            return FileIO(path, "x")


@functools.cache
def file_name(stage: str) -> str:
    """A file name for a stage: its own where any file system takes it, else encoded so that no two are the same.

    Names with capitals get a suffix, since `Train` and `train` are one file on some systems; long ones are cut.
    """
    name = "".join(character if character in _SAFE else _percent(character) for character in stage)
    if name.startswith(".") or name.split(".")[0].lower() in _RESERVED:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) <= _LONGEST and stage == stage.lower():
        return name
    return f"{name[:_LONGEST]}~{xxhash.xxh3_64_hexdigest(stage.encode('utf-8', 'surrogatepass'))}"


def _stage_named(stem: str) -> str:
    """The stage whose file name is `stem`, where nothing was cut."""
    data = re.sub(rb"%([0-9A-F]{2})", lambda match: bytes.fromhex(match[1].decode()), os.fsencode(stem))
    return data.decode("utf-8", "surrogatepass")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _bytes_of(path: str) -> bytes:
    return _stamped_bytes_of(path)[0]


def _stamped_bytes_of(path: str) -> tuple[bytes, Stamp]:
    with FileIO(path, opener=_open) as file:  # for files as small as these a buffer is of no use
        stamp = Stamp.of(os.fstat(file.fileno()))
        return file.readall(), stamp


def _stamp(path: str) -> Stamp:
    return Stamp.of(os.stat(path))  # noqa: PTH116


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)


def _holds(path: str, data: bytes) -> bool:
    try:
        return _bytes_of(path).replace(b"\r\n", b"\n") == data
    except OSError:
        return False


def _checked(data: bytes) -> str | None:
    try:
        return checked(data)
    except UnicodeDecodeError:
        return None


def _what_is_wrong(data: bytes) -> str:
    if not data.strip(b"\0 \r\n\t"):
        return "is empty"
    if data.startswith(_CONFLICT) or b"\n" + _CONFLICT in data:
        return "has merge conflicts"
    if b"\ncheck: " not in data:
        return "is cut off"
    return "was changed by hand, or damaged"
