"""Writes to a connection are sent together, and none is lost or held back."""

import asyncio

from api.http.coalesced_writes import MOST_BYTES, CoalescedWrites


class Wire(asyncio.Transport):
    """A connection that notes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


async def test_a_head_and_its_body_are_one_packet() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    gathered.write(b"head")
    gathered.write(b"body")
    assert wire.sent == []
    await asyncio.sleep(0)

    assert wire.sent == [b"headbody"]


async def test_what_is_written_later_is_sent_later() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    for part in (b"one", b"two"):
        gathered.write(part)
        await asyncio.sleep(0)

    assert wire.sent == [b"one", b"two"]


async def test_much_is_sent_at_once_so_that_a_full_connection_can_say_so() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    gathered.write(b"x" * MOST_BYTES)
    gathered.write(b"y")
    assert [len(each) for each in wire.sent] == [MOST_BYTES + 1]
    gathered.write(b"z")
    await asyncio.sleep(0)

    assert wire.sent[1:] == [b"z"]


async def test_a_connection_that_is_closed_has_sent_everything() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    gathered.write(b"last")
    gathered.close()
    await asyncio.sleep(0)

    assert (wire.sent, wire.ended) == ([b"last"], "closed")


async def test_a_connection_that_is_broken_off_sends_nothing_more() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    gathered.write(b"last")
    gathered.abort()
    await asyncio.sleep(0)

    assert (wire.sent, wire.ended) == ([], "aborted")


async def test_to_one_who_has_gone_nothing_is_sent() -> None:
    wire = Wire()
    gathered = CoalescedWrites(wire)

    gathered.write(b"answer")
    wire.ended = "lost"
    await asyncio.sleep(0)

    assert wire.sent == []
