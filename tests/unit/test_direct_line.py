"""The API's end of the direct line, whatever the far end does to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from adapters import direct_line as module
from adapters.direct_line import ANSWERED_WITHIN_SECONDS, LONGEST_LINE, DirectLine
from adapters.process.breaker import FAILURES_IN_A_ROW, PAUSE_SECONDS
from domain.booking import Alternative, Outcome, Refusal, Status
from tests.builders import DR_KIM, a_request, an_appointment
from tests.fakes.far_end import FarEnd, a_free_port, far_end, whom

pytestmark = pytest.mark.usefixtures("nothing_is_left")

AT_ONCE_SECONDS = ANSWERED_WITHIN_SECONDS / 2
MORE_THAN_A_CONNECTION_HOLDS = 400
"""Lines of the greatest length, 26 MB: what the kernel keeps for both ends is less."""
NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)


@asynccontextmanager
async def dialled(address: str) -> AsyncIterator[DirectLine]:
    line = DirectLine(address)
    try:
        yield line
    finally:
        await line.close()


def an_outcome(appointment_id: UUID, **changes: object) -> Outcome:
    return Outcome(
        attempt_id=uuid4(), appointment=an_appointment(appointment_id=appointment_id, **changes)
    )


async def asks_in_hand(
    line: DirectLine, end: FarEnd, *, count: int = 1
) -> list[asyncio.Task[Outcome | None]]:
    """Confirmations that the far end has heard and has not answered."""
    asks = [asyncio.create_task(line.confirm(uuid4())) for _ in range(count)]
    await end.asked(count)
    return asks


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the end of a connection raises no event
            await asyncio.sleep(0.005)


async def test_an_answer_goes_to_who_asked_whatever_the_order() -> None:
    async with far_end() as end, dialled(end.address) as line:
        wanted = [uuid4() for _ in range(20)]
        asking = asyncio.gather(*(line.confirm(each) for each in wanted))
        for ask in reversed(await end.asked(20)):
            end.tell(ask, an_outcome(whom(ask)))

        outcomes = await asking

        assert [each and each.appointment.appointment_id for each in outcomes] == wanted
        assert end.dialled == 1


async def test_what_is_asked_and_told_arrives_as_it_was_sent() -> None:
    request = a_request(announces_locally=True)
    other = Alternative(doctor_id=DR_KIM, starts_at=NINE, ends_at=NINE)
    refusal = Refusal(code="slot_taken", held_until=NINE, alternatives=[other])
    outcome = Outcome(
        attempt_id=request.attempt_id,
        appointment=an_appointment(status=Status.REFUSED, held_until=None),
        refusal=refusal,
    )
    async with far_end() as end, dialled(end.address) as line:
        asking = asyncio.create_task(line.hold(request, summary="Dr Čapek at nine"))
        [ask] = await end.asked(1)
        end.tell(ask, outcome)

        assert await asking == outcome
        assert (ask.hold, ask.summary, ask.confirm) == (request, "Dr Čapek at nine", None)


async def test_without_an_address_nobody_is_asked() -> None:
    async with dialled("") as line:
        assert await line.hold(a_request(), summary="") is None
        assert await line.confirm(uuid4()) is None


async def test_where_nobody_listens_there_is_no_answer() -> None:
    async with dialled(f"127.0.0.1:{a_free_port()}") as line:
        assert await line.confirm(uuid4()) is None


async def test_a_worker_that_does_not_know_says_so_and_is_asked_again() -> None:
    async with far_end() as end, dialled(end.address) as line:
        for _ in range(2 * FAILURES_IN_A_ROW):
            asking = asyncio.create_task(line.confirm(uuid4()))
            [ask] = await end.asked(1)
            end.tell(ask, None)

            assert await asking is None


async def test_a_worker_that_hangs_up_leaves_all_in_hand_unanswered_and_is_dialled_anew() -> None:
    async with far_end() as end, dialled(end.address) as line:
        in_hand = await asks_in_hand(line, end, count=FAILURES_IN_A_ROW - 1)
        end.hang_up()
        async with asyncio.timeout(AT_ONCE_SECONDS):
            unanswered = await asyncio.gather(*in_hand)

        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)
        end.tell(ask, outcome := an_outcome(whom(ask)))

        assert unanswered == [None] * len(in_hand)
        assert await asking == outcome
        assert end.dialled == 2


async def test_a_worker_that_is_silent_costs_its_caller_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ANSWERED_WITHIN_SECONDS", 0.05)
    async with far_end() as end, dialled(end.address) as line, asyncio.timeout(1):
        assert await line.confirm(uuid4()) is None


async def test_an_answer_that_comes_too_late_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWERED_WITHIN_SECONDS", 0.05)
    async with far_end() as end, dialled(end.address) as line:
        assert await line.confirm(uuid4()) is None
        [late] = await end.asked(1)
        end.tell(late, an_outcome(whom(late)))

        monkeypatch.undo()
        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)
        end.tell(ask, outcome := an_outcome(whom(ask)))

        assert await asking == outcome
        assert end.dialled == 1


async def test_a_worker_that_stays_silent_is_dialled_anew_after_each_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection whose far end is gone without a word would else be believed for minutes."""
    monkeypatch.setattr(module, "ANSWERED_WITHIN_SECONDS", 0.05)
    async with far_end() as end, dialled(end.address) as line:
        async with asyncio.timeout(10):
            while end.dialled < 3:
                await line.confirm(uuid4())

        assert end.asks.qsize() == FAILURES_IN_A_ROW + 2


async def test_a_line_that_is_closing_is_dialled_anew_for_who_asks_next() -> None:
    async with far_end() as end, dialled(end.address) as line:
        lost = (await asks_in_hand(line, end))[0]
        vars(line)["_line"].transport.abort()

        asking = asyncio.create_task(line.confirm(wanted := uuid4()))
        (ask,) = await end.asked(1)
        end.tell(ask, outcome := an_outcome(wanted))

        assert (await asking, await lost) == (outcome, None)


async def test_after_three_failures_in_a_row_nobody_is_dialled_for_a_second() -> None:
    port = a_free_port()
    async with dialled(f"127.0.0.1:{port}") as line:
        for _ in range(FAILURES_IN_A_ROW):
            await line.confirm(uuid4())
        failed_at = asyncio.get_running_loop().time()

        async with far_end(port) as end:
            assert await line.confirm(uuid4()) is None
            assert end.dialled == 0
            while not end.dialled:
                asking = asyncio.create_task(line.confirm(uuid4()))
                await asyncio.wait((asking,), timeout=0.01)
            passed = asyncio.get_running_loop().time() - failed_at

    assert await asking is None
    assert passed >= PAUSE_SECONDS - 0.05


@pytest.mark.parametrize(
    "words",
    [
        b"garbage\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"number": "one", "outcome": null}\n',
        b'{"number": 1}\n',
        b"x" * (LONGEST_LINE + 1) + b"\n",
    ],
    ids=["garbage", "bytes", "list", "number", "short", "long"],
)
async def test_words_that_mean_nothing_end_the_connection_and_nothing_else(words: bytes) -> None:
    async with far_end() as end, dialled(end.address) as line:
        [in_hand] = await asks_in_hand(line, end)
        end.say(words)
        unanswered = await in_hand

        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)
        end.tell(ask, outcome := an_outcome(whom(ask)))

        assert unanswered is None
        assert await asking == outcome
        assert end.dialled == 2


async def test_an_answer_to_nobody_is_passed_over() -> None:
    async with far_end() as end, dialled(end.address) as line:
        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)
        end.say(b'{"number": 4711, "outcome": null}\n')
        end.tell(ask, outcome := an_outcome(whom(ask)))
        end.tell(ask, None)

        assert await asking == outcome
        assert end.dialled == 1


async def test_closing_answers_none_to_who_still_waits() -> None:
    async with far_end() as end, dialled(end.address) as line:
        in_hand = await asks_in_hand(line, end, count=3)

        await line.close()

        async with asyncio.timeout(AT_ONCE_SECONDS):
            assert await asyncio.gather(*in_hand) == [None] * 3
        await eventually(lambda: not end.lines)


async def test_closing_keeps_nothing_for_a_worker_that_does_not_read() -> None:
    read: asyncio.Queue[int] = asyncio.Queue()
    hung_up = asyncio.Event()

    async def reads_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung_up.wait()
        heard = 0
        with suppress(OSError):
            while words := await reader.read(LONGEST_LINE):
                heard += len(words)
        writer.close()
        read.put_nowait(heard)

    server = await asyncio.start_server(reads_late, "127.0.0.1", port := a_free_port())
    async with dialled(f"127.0.0.1:{port}") as line:
        asks = [
            asyncio.create_task(line.hold(a_request(), summary="x" * LONGEST_LINE))
            for _ in range(MORE_THAN_A_CONNECTION_HOLDS)
        ]
        await eventually(lambda: len(vars(line)["_waiting"]) == MORE_THAN_A_CONNECTION_HOLDS)
        await line.close()
        unanswered = await asyncio.gather(*asks)
    hung_up.set()

    assert set(unanswered) == {None}
    assert await read.get() < MORE_THAN_A_CONNECTION_HOLDS * LONGEST_LINE
    server.close()
    await server.wait_closed()


async def test_a_cancelled_ask_leaves_the_line_to_the_others() -> None:
    async with far_end() as end, dialled(end.address) as line:
        [given_up] = await asks_in_hand(line, end)
        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)

        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        end.tell(ask, outcome := an_outcome(whom(ask)))

        assert await asking == outcome
        assert vars(line)["_waiting"] == {}
        assert end.dialled == 1


async def test_an_ask_that_is_cancelled_while_it_dials_leaves_the_dialling_to_the_next() -> None:
    async with far_end() as end, dialled(end.address) as line:
        given_up = asyncio.create_task(line.confirm(uuid4()))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up

        asking = asyncio.create_task(line.confirm(uuid4()))
        [ask] = await end.asked(1)
        end.tell(ask, outcome := an_outcome(whom(ask)))

        assert await asking == outcome
