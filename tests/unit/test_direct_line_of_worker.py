"""The worker's end of the direct line, whatever its callers do; its bookings are the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.direct_line import ASK, LONGEST_LINE, TOLD, Ask, DirectLine, Told
from domain.booking import BookingRequest, Outcome
from tests.builders import a_request, an_appointment
from tests.fakes.far_end import a_free_port
from worker.direct_line import direct_line
from worker.eager_bookings import EagerBookings

pytestmark = pytest.mark.usefixtures("nothing_is_left")

ALREADY = WorkflowAlreadyStartedError("booking", "BookAppointment")
AWAY = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


class ToldBookings(EagerBookings):
    """Each is answered when the test says so, with an outcome or a fault."""

    def __init__(self) -> None:
        self.asked: dict[UUID, asyncio.Future[Outcome | None]] = {}
        self.summaries: list[str] = []
        self.ended: list[UUID] = []

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome | None:
        self.summaries.append(summary)
        return await self.confirm(request.appointment_id)

    async def confirm(self, appointment_id: UUID) -> Outcome | None:
        answer: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self.asked[appointment_id] = answer
        try:
            return await answer
        finally:
            self.ended.append(appointment_id)

    async def in_hand(self, appointment_id: UUID) -> asyncio.Future[Outcome | None]:
        async with asyncio.timeout(10):
            while appointment_id not in self.asked:  # noqa: ASYNC110 - a fake raises no event
                await asyncio.sleep(0.005)
        return self.asked[appointment_id]


class Caller:
    """A connection on which anything may be said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def says(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def is_hung_up_on(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self._reader.readline() == b""
            except ConnectionError:
                return True

    async def is_told(self) -> Told:
        async with asyncio.timeout(10):
            return TOLD.validate_json(await self._reader.readline())


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def dialled(port: int) -> AsyncIterator[DirectLine]:
    line = DirectLine(f"127.0.0.1:{port}")
    try:
        yield line
    finally:
        await line.close()


def an_outcome(appointment_id: UUID) -> Outcome:
    return Outcome(attempt_id=uuid4(), appointment=an_appointment(appointment_id=appointment_id))


def a_confirmation(appointment_id: UUID, *, number: int = 1) -> bytes:
    return ASK.dump_json(Ask(number=number, confirm=appointment_id)) + b"\n"


async def test_what_the_bookings_say_is_told_to_who_asked_in_any_order() -> None:
    bookings, request, other = ToldBookings(), a_request(), uuid4()
    async with direct_line("127.0.0.1", port := a_free_port(), bookings), dialled(port) as line:
        holding = asyncio.create_task(line.hold(request, summary="Dr Čapek at nine"))
        confirming = asyncio.create_task(line.confirm(other))
        held, confirmed = an_outcome(request.appointment_id), an_outcome(other)
        (await bookings.in_hand(other)).set_result(confirmed)
        first = await confirming
        (await bookings.in_hand(request.appointment_id)).set_result(held)

        assert (first, await holding) == (confirmed, held)
        assert bookings.summaries == ["Dr Čapek at nine"]


@pytest.mark.parametrize(
    "fault",
    [ALREADY, AWAY, TimeoutError(), WorkflowUpdateFailedError(ValueError())],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_is_not_known_here_is_told_as_none_and_the_line_stays(fault: Exception) -> None:
    bookings, appointment = ToldBookings(), uuid4()
    async with direct_line("127.0.0.1", port := a_free_port(), bookings), calling(port) as caller:
        await caller.says(a_confirmation(appointment, number=7))
        (await bookings.in_hand(appointment)).set_exception(fault)
        unknown = await caller.is_told()
        await caller.says(a_confirmation(other := uuid4(), number=8))
        (await bookings.in_hand(other)).set_result(None)

        assert (unknown, await caller.is_told()) == (
            Told(number=7, outcome=None),
            Told(number=8, outcome=None),
        )


async def test_an_ask_for_nothing_is_told_none() -> None:
    async with (
        direct_line("127.0.0.1", port := a_free_port(), ToldBookings()),
        calling(port) as caller,
    ):
        await caller.says(ASK.dump_json(Ask(number=1)) + b"\n")

        assert await caller.is_told() == Told(number=1, outcome=None)


@pytest.mark.parametrize(
    "words",
    [b"GET / HTTP/1.1\r\n", b"\xff\n", b'{"number": 1, "confirm": "x"}\n', b"x" * LONGEST_LINE * 2],
    ids=["http", "bytes", "id", "long"],
)
async def test_words_that_mean_nothing_end_their_connection_and_no_other(words: bytes) -> None:
    bookings, appointment = ToldBookings(), uuid4()
    async with (
        direct_line("127.0.0.1", port := a_free_port(), bookings),
        dialled(port) as line,
        calling(port) as stranger,
    ):
        confirming = asyncio.create_task(line.confirm(appointment))
        in_hand = await bookings.in_hand(appointment)
        await stranger.says(words)
        is_hung_up_on = await stranger.is_hung_up_on()
        in_hand.set_result(outcome := an_outcome(appointment))

        assert is_hung_up_on
        assert await confirming == outcome


async def test_a_caller_that_is_gone_is_told_nothing_and_ends_nothing_else() -> None:
    bookings, appointment = ToldBookings(), uuid4()
    async with direct_line("127.0.0.1", port := a_free_port(), bookings), dialled(port) as line:
        async with calling(port) as gone:
            many = [uuid4() for _ in range(10)]
            for each in many:
                await gone.says(a_confirmation(each))
            answers = [await bookings.in_hand(each) for each in many]
            gone.writer.write_eof()
        for answer, each in zip(answers, many, strict=True):
            if not answer.done():
                answer.set_result(an_outcome(each))

        confirming = asyncio.create_task(line.confirm(appointment))
        (await bookings.in_hand(appointment)).set_result(outcome := an_outcome(appointment))

        assert await confirming == outcome


async def test_a_line_that_closes_with_calls_in_hand_ends_them_and_waits_for_their_end() -> None:
    bookings, appointments = ToldBookings(), [uuid4() for _ in range(3)]
    async with dialled(port := a_free_port()) as line:
        async with direct_line("127.0.0.1", port, bookings):
            confirming = [asyncio.create_task(line.confirm(each)) for each in appointments]
            for each in appointments:
                await bookings.in_hand(each)
        ended = list(bookings.ended)

        assert sorted(ended) == sorted(appointments)
        assert await asyncio.gather(*confirming) == [None] * 3
        assert await line.confirm(uuid4()) is None


async def test_without_a_port_nobody_listens() -> None:
    async with direct_line("127.0.0.1", 0, ToldBookings()):
        pass


async def test_where_the_port_is_taken_the_worker_goes_on_without_a_line() -> None:
    bookings, appointment = ToldBookings(), uuid4()
    async with direct_line("127.0.0.1", port := a_free_port(), bookings):
        async with direct_line("127.0.0.1", port, ToldBookings()):
            pass
        async with dialled(port) as line:
            confirming = asyncio.create_task(line.confirm(appointment))
            (await bookings.in_hand(appointment)).set_result(outcome := an_outcome(appointment))

            assert await confirming == outcome
