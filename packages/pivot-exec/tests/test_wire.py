"""Messages between processes: whole or not at all, however the bytes arrive."""

import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pivot_exec.wire import Channel

LARGE = 5 << 20  # bytes; more than any socket buffer holds


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Channel]]:
    """A bare socket, and the channel that is its other end."""
    raw, end = socket.socketpair()
    channel = Channel(end)
    with raw:
        yield raw, channel
    channel.close()


def frame(message: object) -> bytes:
    data = pickle.dumps(message)
    return struct.pack("!Q", len(data)) + data


def test_messages_arrive_in_order_and_as_they_were(ends: tuple[socket.socket, Channel]) -> None:
    raw, channel = ends
    sender = Channel(raw.dup())
    for message in ("one", {"two": (2, None)}, b""):
        sender.send(message)
    sender.close()
    assert [channel.receive() for _ in range(3)] == ["one", {"two": (2, None)}, b""]


@given(cut=st.integers(1, len(frame("message")) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_a_part_of_a_message_is_none_until_the_rest_is_there(ends: tuple[socket.socket, Channel], cut: int) -> None:
    raw, channel = ends
    data = frame("message")
    raw.sendall(data[:cut])
    assert channel.receive_ready() == []
    raw.sendall(data[cut:] + data[:cut])
    assert channel.receive_ready() == ["message"]
    raw.sendall(data[cut:])
    assert channel.receive() == "message"


def test_all_messages_that_are_there_are_taken_at_once(ends: tuple[socket.socket, Channel]) -> None:
    raw, channel = ends
    raw.sendall(b"".join(map(frame, range(100))))
    assert channel.receive_ready() == list(range(100))


def test_nothing_there_is_no_message(ends: tuple[socket.socket, Channel]) -> None:
    assert ends[1].receive_ready() == []


@pytest.mark.parametrize("sent", [b"", frame("cut off")[:-1], frame("cut off")[:3]], ids=["nothing", "part", "length"])
@pytest.mark.parametrize("take", [Channel.receive, Channel.receive_ready])
def test_the_end_of_the_other_side_is_the_end_of_file(
    ends: tuple[socket.socket, Channel], sent: bytes, take: Callable[[Channel], object]
) -> None:
    raw, channel = ends
    raw.sendall(sent)
    raw.close()
    if sent and take is Channel.receive_ready:
        assert channel.receive_ready() == []
    with pytest.raises(EOFError):
        take(channel)


def test_messages_sent_before_the_end_are_not_lost(ends: tuple[socket.socket, Channel]) -> None:
    raw, channel = ends
    raw.sendall(frame("last words"))
    raw.close()
    assert channel.receive_ready() == ["last words"]
    with pytest.raises(EOFError):
        channel.receive_ready()


def test_a_message_larger_than_any_buffer_arrives(ends: tuple[socket.socket, Channel]) -> None:
    raw, channel = ends
    sender = Channel(raw.dup())
    message = bytes(range(256)) * (LARGE // 256)
    thread = threading.Thread(target=sender.send, args=(message,))
    thread.start()
    got = channel.receive()
    thread.join()
    sender.close()
    assert got == message


def test_sending_to_nobody_is_an_error(ends: tuple[socket.socket, Channel]) -> None:
    raw, channel = ends
    raw.close()
    with pytest.raises(BrokenPipeError):
        channel.send("hello")
