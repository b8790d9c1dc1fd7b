"""The command line: print what a function depends on, compare two printed fingerprints."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pivot_fingerprint.compare import Comparison, compare
from pivot_fingerprint.fingerprinter import Fingerprinter
from pivot_fingerprint.model import Entry, Fingerprint
from pivot_fingerprint.project import Project


class UsageError(Exception):
    """What was asked for cannot be done; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 where compared fingerprints differ or a check finds something, 2 if
    the request is wrong, else 0."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["compare"]:
            return _compare(given[1:])
        return _show(given)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 # this is the command line
        return 2


def _show(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pivot_fingerprint",
        description="Print the code that a function depends on.",
        epilog="`python -m pivot_fingerprint compare OLD NEW` compares two outputs of --json.",
    )
    parser.add_argument("target", metavar="MODULE:FUNCTION", help="such as pkg.module:function")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's directory (default: this one)")
    parser.add_argument("--json", action="store_true", help="print the whole fingerprint as JSON")
    parser.add_argument(
        "--check", action="store_true", help="print only what is not followed exactly; exit with 1 then"
    )
    options = parser.parse_args(given)
    print_ = fingerprint_of(options.target, options.root)
    if options.json:
        print(json.dumps(print_.to_data(), indent=2))  # noqa: T201 # the same
    elif options.check:
        print("\n".join(check_lines(print_)) or "all code is followed exactly")  # noqa: T201 # the same
    else:
        print("\n".join(tree_lines(print_)))  # noqa: T201 # the same
    return 1 if options.check and any(entry.note for entry in print_.entries) else 0


def fingerprint_of(target: str, root: Path) -> Fingerprint:
    """The fingerprint of "module:function" in the project at `root`. Raises UsageError."""
    module_name, _, name = target.partition(":")
    if not name:
        raise UsageError(f"{target!r} does not name a function: write MODULE:FUNCTION")
    roots = [root.resolve(), *(path for path in (root.resolve() / "src",) if path.is_dir())]
    sys.path[:0] = [str(path) for path in roots]
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            raise
        raise UsageError(f"there is no module {module_name!r} in {roots[0]}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{module_name} has no {name!r}")
        found = getattr(found, part)
    return Fingerprinter(Project(roots[0], tuple(roots))).fingerprint(found)


def tree_lines(fingerprint: Fingerprint) -> Iterator[str]:
    """The manifest as a tree: each entry below the one through which it was reached."""
    yield f"{fingerprint.digest}  scheme {fingerprint.scheme}, Python {fingerprint.python}"
    below: dict[tuple[str, ...], list[Entry]] = {}
    for entry in fingerprint.entries:
        below.setdefault(entry.via, []).append(entry)
    yield from _branch(below, (), "")


def _branch(below: dict[tuple[str, ...], list[Entry]], via: tuple[str, ...], indent: str) -> Iterator[str]:
    for entry in below.pop(via, ()):
        place = f"  {entry.file}:{entry.line}" if entry.file and entry.line else ""
        note = f"  ({entry.note})" if entry.note else ""
        yield f"{indent}{entry.key}  {entry.digest[:8]}{place}{note}"
        yield from _branch(below, (*via, entry.name), indent + "  ")


def check_lines(fingerprint: Fingerprint) -> Iterator[str]:
    """One line for each entry that counts more coarsely than by what it is, with the reason."""
    for entry in fingerprint.entries:
        if entry.note:
            place = f"{entry.file}:{entry.line}: " if entry.file and entry.line else ""
            yield f"{place}{entry.key}: {entry.note}"


def _compare(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pivot_fingerprint compare", description="Compare two fingerprints printed with --json."
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(given)
    comparison = compare(_read(options.old), _read(options.new))
    print("\n".join(comparison_lines(comparison)))  # noqa: T201 # this is the command line
    return 1 if comparison else 0


def _read(path: Path) -> Fingerprint:
    try:
        return Fingerprint.from_data(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """One line for each difference, with a sign in front."""
    if comparison.format_changed:
        yield f"fingerprint format changed: {comparison.format_changed}"
    for sign, names in (("+", comparison.added), ("-", comparison.removed), ("~", comparison.changed)):
        for name in names:
            yield f"{sign} {name}"
    if not comparison:
        yield "no difference"


if __name__ == "__main__":
    sys.exit(main())
