"""Framed messages between Pivot's own processes: a length, then a pickle of plain data."""

from __future__ import annotations

import pickle
import socket
import struct
import sys

_LENGTH = struct.Struct("!Q")
_READ = 1 << 16  # more would be mapped anew each time


def packed(message: object) -> bytes:
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes | bytearray) -> object:
    message: object = pickle.loads(data)
    return message


class Channel:
    """One end of a socket pair. Not for use by several threads at once."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._buffer = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, *messages: object) -> None:
        """Send messages. Raises OSError if the other end is gone."""
        self.forward(*map(packed, messages))

    def forward(self, *messages: bytes) -> None:
        """Send messages that are `packed` already."""
        self._socket.sendall(b"".join(part for data in messages for part in (_LENGTH.pack(len(data)), data)))

    def receive(self) -> object:
        """Wait for one message. Raises EOFError if the other end is gone, also in the midst of a message."""
        while (message := self._take()) is _NOTHING:
            self._read()
        return message

    def receive_ready(self) -> list[object]:
        """Read what is there, without waiting, and return the messages that are whole by now. Raises EOFError if the
        other end is gone."""
        try:
            self._read(wait=False)
        except BlockingIOError:
            return []
        messages: list[object] = []
        while (message := self._take()) is not _NOTHING:
            messages.append(message)
        return messages

    def say_no_more(self) -> None:
        """Tell the other end that no more messages come."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already

    def hang_up(self, timeout: float) -> bool:
        """Say that no more messages come, and wait up to `timeout` seconds for the other end to close; whether it did.

        What is received meanwhile is dropped. The channel is closed in any case.
        """
        self.say_no_more()
        try:
            self._socket.settimeout(timeout)
            while self._socket.recv(_READ):
                pass
        except ConnectionError:
            return True
        except OSError:
            return False
        finally:
            self._socket.close()
        return True

    def close(self, last: int | None = None) -> None:
        """`last` is a byte that the other end is left with after all messages."""
        if last is not None:
            try:
                self._socket.send(bytes([last]))
            except OSError:
                pass  # it is gone already
        self._socket.close()

    @property
    def last(self) -> int | None:
        """The byte that was left after all messages, once the other end is gone."""
        return self._buffer[0] if len(self._buffer) == 1 else None

    def _read(self, *, wait: bool = True) -> None:
        """Raises EOFError; BlockingIOError if nothing is there and it is not to `wait`."""
        flags = 0
        if sys.platform != "win32":
            flags = 0 if wait else socket.MSG_DONTWAIT
        else:
            from pivot_exec import waits

            waits.wait_for(self._socket, wait=wait)
        try:
            data = self._socket.recv(_READ, flags)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self._buffer += data

    def _take(self) -> object:
        if len(self._buffer) < _LENGTH.size:
            return _NOTHING
        (length,) = _LENGTH.unpack_from(self._buffer)
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return _NOTHING
        message = unpacked(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return message


_NOTHING = object()
