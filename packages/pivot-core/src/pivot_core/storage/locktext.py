"""The text of a lock file: YAML that any reader understands, with a check over its own bytes.

    pivot: 1
    stage: train
    scheme: "1/3.13"
    code: "xxh3:…"
    accepted: {code: "xxh3:…", scheme: "1/3.13"}      # only where the user vouched for the code
    manifest:
      func:pipeline.train: "xxh3:…"
    params:
      lr: 0.1
    deps:
      data.csv: {digest: "xxh3:…", size: 5120}
    outs:
      plots: {digest: "xxh3:….tree", size: 10240, files: 3}
      tool.sh: {digest: "xxh3:…", size: 12, executable: true}
    check: "xxh3:…"

The form is fixed: one entry a line, sorted; keys plain where YAML 1.1 cannot take them for anything but text, else
quoted as JSON; values JSON, with floats written so that YAML 1.1 reads floats. Since the check says that the text is as
Pivot wrote it, `parse` reads just this form, and needs no YAML loader; what it does not know is left to `lockschema`,
which reads any YAML and can say what is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined] # typeshed does not know it

from pivot_core.model import Accepted, FileState, Json, Record
from pivot_core.storage.digests import hash_bytes

FORMAT = 1
_LONGEST_KEY = 900  # characters; YAML readers take longer ones only in their explicit form
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./:@+=-]*(?<!:)", re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "inf", "nan"})
_PRINTABLE = re.compile(r"[ !#-\[\]-~]*", re.ASCII)
_STATE = re.compile(
    r'\{digest: "([^"\\]+)", size: (\d+)(?:, files: (\d+))?(?:, link: ("(?:[^"\\]|\\.)*"))?(, executable: true)?\}',
    re.ASCII,
)
_ACCEPTED = re.compile(r'accepted: \{code: ("(?:[^"\\]|\\.)*"), scheme: ("(?:[^"\\]|\\.)*")\}', re.ASCII)
_SECTIONS = ("manifest", "params", "deps", "outs")


def emit(record: Record) -> bytes:
    """The lock file of a record. Raises ValueError or TypeError for params that are no JSON."""
    lines = [
        f"pivot: {FORMAT}",
        f"stage: {_key(record.stage)}",
        f"scheme: {_quoted(record.scheme)}",
        f"code: {_quoted(record.code)}",
    ]
    if record.accepted is not None:
        lines.append(f"accepted: {{code: {_quoted(record.accepted.code)}, scheme: {_quoted(record.accepted.scheme)}}}")
    _section(lines, "manifest", {name: _quoted(digest) for name, digest in record.manifest.items()})
    _section(lines, "params", {name: _value(value) for name, value in record.params.items()})
    _section(lines, "deps", {path: _state(state) for path, state in record.deps.items()})
    _section(lines, "outs", {path: _state(state) for path, state in record.outs.items()})
    text = "\n".join([*lines, ""]).encode()
    return text + f'check: "{hash_bytes(text)}"\n'.encode()


def checked(data: bytes) -> str | None:
    """The text that the check at the end of `data` covers; None where it does not hold."""
    data = data.replace(b"\r\n", b"\n")  # git may have turned line ends
    start = data.rfind(b"\ncheck: ") + 1
    if start == 0 or data[start:] != f'check: "{hash_bytes(data[:start])}"\n'.encode():
        return None
    return data[:start].decode()


def parse(text: str) -> Record | None:
    """The record in a text that `emit` wrote, without its check; None for anything else."""
    try:
        return _parse(text.split("\n"))
    except (ValueError, KeyError, RecursionError):
        return None


def stage_of(text: str) -> str | None:
    """The stage that a text of `checked` belongs to, whatever else is in it."""
    name = text.split("\n", 2)[1].removeprefix("stage: ")
    try:
        return _plain_or_quoted(name)
    except ValueError:
        return None


def _parse(lines: list[str]) -> Record:
    head = dict(line.split(": ", 1) for line in lines[:4])
    if list(head) != ["pivot", "stage", "scheme", "code"] or head["pivot"] != str(FORMAT) or lines.pop() != "":
        raise ValueError("another form")
    accepted = _ACCEPTED.fullmatch("".join(lines[4:5]))
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in lines[5 if accepted else 4 :]:
        if line.startswith("  "):
            key, value = _split(line)
            if key in section:
                raise ValueError("a key twice")
            section[key] = value
        else:
            name, rest = line.split(":", 1)
            if rest not in ("", " {}") or name in sections:
                raise ValueError("another form")
            section = sections[name] = {}
    if tuple(sections) != _SECTIONS:
        raise ValueError("another form")
    return Record(
        stage=_plain_or_quoted(head["stage"]),
        scheme=_text(head["scheme"]),
        code=_text(head["code"]),
        manifest={name: _text(value) for name, value in sections["manifest"].items()},
        params={name: json.loads(value) for name, value in sections["params"].items()},
        deps={path: _read_state(value) for path, value in sections["deps"].items()},
        outs={path: _read_state(value) for path, value in sections["outs"].items()},
        accepted=Accepted(*map(_text, accepted.groups())) if accepted else None,
    )


def _section(lines: list[str], name: str, entries: Mapping[str, str]) -> None:
    if not entries:
        lines.append(f"{name}: {{}}")
        return
    lines.append(f"{name}:")
    for key in sorted(entries):
        if len(key) > _LONGEST_KEY:
            lines.append(f"  ? {_quoted(key)}\n  : {entries[key]}")
        else:
            lines.append(f"  {_key(key)}: {entries[key]}")


def _key(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """`text` in double quotes, so that JSON and YAML readers both find it again."""
    if _PRINTABLE.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable() or character > "\uffff":
        return character
    return f"\\u{ord(character):04x}"


def _value(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int():
            return int.__repr__(value)
        case float():
            return _float(value)
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case Mapping():
            return "{" + ", ".join(_pair(key, value[key]) for key in sorted(value)) + "}"
    raise TypeError(f"{type(value).__name__} is no value for a lock file: {value!r}")


def _pair(key: str, value: Json) -> str:
    if len(key) > _LONGEST_KEY:
        return f"? {_quoted(key)} : {_value(value)}"
    return f"{_quoted(key)}: {_value(value)}"


def _float(value: float) -> str:
    """YAML 1.1 wants a point before the exponent, and names for what is no number."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = float.__repr__(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _state(state: FileState) -> str:
    files = "" if state.files is None else f", files: {state.files}"
    link = "" if state.link is None else f", link: {_quoted(state.link)}"
    executable = ", executable: true" if state.executable else ""
    return f"{{digest: {_quoted(state.digest)}, size: {state.size}{files}{link}{executable}}}"


def _split(line: str) -> tuple[str, str]:
    """The key and the value of an entry."""
    if line.startswith('  "'):
        key, end = scanstring(line, 3)
        if line[end : end + 2] != ": ":
            raise ValueError("another form")
        return key, line[end + 2 :]
    key, value = line[2:].split(": ", 1)
    if not _PLAIN.fullmatch(key):
        raise ValueError("another form")
    return key, value


def _plain_or_quoted(text: str) -> str:
    if text.startswith('"'):
        return _text(text)
    if not _PLAIN.fullmatch(text):
        raise ValueError("another form")
    return text


def _text(quoted: str) -> str:
    inner = quoted[1:-1]
    if "\\" not in inner and '"' not in inner and f'"{inner}"' == quoted:
        return inner
    text = json.loads(quoted)
    if not isinstance(text, str):
        raise ValueError("not a text")
    return text


def _read_state(text: str) -> FileState:
    match = _STATE.fullmatch(text)
    if match is None:
        raise ValueError("another form")
    digest, size, files, link, executable = match.groups()
    target = json.loads(link) if link else None
    return FileState(digest, int(size), int(files) if files else None, target, executable=executable is not None)
