"""JSON lines: one event a line, as `envelope_to_data` gives it, in ASCII: so no encoding of a stream matters."""

from __future__ import annotations

import json
from typing import TextIO

from pivot_core.events import Envelope, envelope_to_data


class JsonLines:
    """Writes envelopes to `stream` as they come."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, envelope: Envelope) -> None:
        self._stream.write(json.dumps(envelope_to_data(envelope)) + "\n")
        self._stream.flush()
