"""PostgreSQL's disk is full for a while: nothing is said that is not so."""

import asyncio
import os

import psycopg
import pytest

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.injectors import fill
from tests.faults.rig.load import Mix
from tests.faults.rig.report import Line
from tests.faults.rig.small_disk import postgres_on_a_small_disk

TITLE = "PostgreSQL's disk is full, it goes down over it, then room is made"
NUMBER = 18
SEGMENTS = 12
BUSY = Mix(confirm=0.7, think=0.1)


async def test_the_disk_is_full(rig: Rig) -> None:
    if os.geteuid() != 0:
        why = "a small disk can be mounted by root only"
        rig.report.write(Line(case=NUMBER, title=TITLE, injected={}, test=rig.node, note=why))
        pytest.skip(why)
    async with (
        postgres_on_a_small_disk(rig.stack) as disk,
        rig.case(NUMBER, TITLE) as case,
        case.load(6, mix=BUSY),
    ):
        await case.confirmed(3)
        ballast = await asyncio.to_thread(fill, disk)
        case.injected("disk filled")
        await until_the_log_has_no_room(case)
        await case.answered(Kind.HOLD, 503, 3)
        await asyncio.to_thread(ballast.unlink)
        await case.confirmed(5)


async def until_the_log_has_no_room(case: Case) -> None:
    """Use up the segments that are laid out in advance: the next one ends the server."""
    url = case.stack.address("postgres")
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for _ in range(SEGMENTS):
                await connection.execute("SELECT pg_logical_emit_message(false, 'rig', 'x')")
                await connection.execute("SELECT pg_switch_wal()")
    except psycopg.OperationalError:
        case.injected("server down for want of room")
        return
    raise AssertionError("PostgreSQL found room for its log")
