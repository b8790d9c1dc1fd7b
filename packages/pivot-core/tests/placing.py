"""A project with a store, to put files into and fetch them from."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from pivot_core.config import LinkKind
from pivot_core.model import FileState
from pivot_core.storage.hasher import Hasher
from pivot_core.storage.ignore import Ignore
from pivot_core.storage.stamps import FileClock, Stamps
from pivot_core.storage.store import ObjectStore

NOWHERE = "xxh3:" + "0" * 32


any_names = pytest.mark.skipif(sys.platform == "darwin", reason="APFS takes only UTF-8 names, and folds case")


class Place:
    """A project with a store."""

    def __init__(self, root: Path, link: LinkKind = "auto", ignore: Ignore | None = None) -> None:
        self.root = root
        self.cache = root / ".pivot" / "cache"
        self.hasher = Hasher(root, Stamps(), ignore or Ignore(), FileClock(root / ".pivot" / "clock"))
        self.store = ObjectStore(self.cache, self.hasher, link)

    def write(self, path: str, data: bytes = b"1", *, executable: bool = False) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if executable:
            place.chmod(0o755)
        return place

    def put(self, path: str) -> FileState:
        return self.store.put(Path(path))

    def fetch(self, state: FileState, path: str) -> None:
        self.store.fetch(state, Path(path))

    def object_of(self, digest: str) -> Path:
        name = digest.removeprefix("xxh3:")
        return self.cache / name[:2] / name[2:]

    def damage(self, digest: str, data: bytes) -> None:
        self.object_of(digest).chmod(0o644)
        self.object_of(digest).write_bytes(data)

    def objects(self) -> list[str]:
        return sorted(
            f"xxh3:{path.parent.name}{path.name}" for path in self.cache.glob("??/*") if not path.name.startswith(".")
        )

    def litter(self) -> list[Path]:
        return [*self.root.rglob(".pivot-tmp-*"), *self.cache.glob("tmp/*")]

    def look(self, path: str) -> dict[str, object]:
        """All there is at `path`, links not followed."""
        found: dict[str, object] = {}
        for place in [self.root / path, *(self.root / path).rglob("*")]:
            name = place.relative_to(self.root).as_posix()
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[name] = ("link", os.readlink(place))
            elif stat.S_ISDIR(mode):
                found[name] = "directory"
            else:
                found[name] = (place.read_bytes(), bool(mode & stat.S_IXUSR))
        return found


def tree(place: Place) -> None:
    place.write("d/a", b"1")
    place.write("d/sub/b", b"22")
    place.write("d/sub/run", b"#!", executable=True)
    (place.root / "d" / "empty").mkdir()
    (place.root / "d" / "l").symlink_to("sub/b")
