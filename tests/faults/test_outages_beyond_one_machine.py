"""Past one machine: each part of a stack of pairs is killed in turn, and bookings go on.

`make outages` prints a line for each part. The stack is of its own, one for all the cases.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest

from adapters.kafka.events import APPOINTMENTS
from stack.errors import MissingToolError
from tests.faults.conftest import observed
from tests.faults.rig.brokers import COPIES
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import History, Kind
from tests.faults.rig.load import Load, Mix
from tests.faults.rig.pairs import Pairs, stack_of_pairs
from tests.faults.rig.production_temporal import PLUGIN, SHARDS
from tests.faults.rig.shares import Meter, connections, told
from tests.faults.rig.stack import HOLD_SECONDS
from tests.faults.rig.waiting import until_seen

ONE_OF_SEVERAL = ("kafka-1", "api-1", "worker-1", "notifier-1")
"""While one of these is away, bookings go on."""

ALONE = ("pgbouncer", "temporal")
"""Without these nothing can be booked; they come back as soon as they are started again."""

CLIENTS = 4
MEANWHILE = 15
"""Confirmed visits while a part is away."""

MEASURED = 20
"""Seconds, idle and busy."""

EAGER = 16
AT_FULL_SPEED = Mix(confirm=1, confirm_twice=0, cancel=0, forget=0, cancel_visit=0, think=0)
MOST_MIB = 24 * 1024

TOLD_WITHIN = 60.0
"""Seconds until every patient and every doctor is told, after all parts are back."""

NOT_TOLD = """
SELECT count(*) FROM schedules s WHERE s.id = ANY(%s) AND s.confirmed_at IS NOT NULL
AND (NOT EXISTS (SELECT FROM notifications n WHERE n.appointment_id = s.id
                 AND n.audience = 'doctor')
     OR EXISTS (SELECT FROM notifications n WHERE n.appointment_id = s.id
                AND n.status = 'sending'))
"""

pytestmark = [pytest.mark.outage, pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """In the place of the rig that the other fault cases share."""
    home = tmp_path_factory.mktemp("pairs") / "home"
    settings = {"PRIYOM_HOLD_SECONDS": str(HOLD_SECONDS)}
    try:
        async with stack_of_pairs(home, **settings) as pairs, observed(pairs) as rig:
            yield rig
    except MissingToolError as error:
        pytest.skip(f"the rehearsal cannot be had on this machine: {error}")


async def test_temporal_is_the_production_server_on_postgresql(rig: Rig) -> None:
    told = await rig.temporal.workflow_service.get_cluster_info(GetClusterInfoRequest())

    assert told.history_shard_count == SHARDS
    assert told.persistence_store == told.visibility_store == PLUGIN


async def test_every_broker_has_every_event(rig: Rig) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.stack.address("kafka"))
    await admin.start()
    try:
        [topic] = await admin.describe_topics([APPOINTMENTS])
    finally:
        await admin.close()

    assert {len(partition["replicas"]) for partition in topic["partitions"]} == {COPIES}


async def test_the_whole_fits_one_machine(rig: Rig) -> None:
    """What it takes while nobody books, and while patients book as fast as they can."""
    stack, history = rig.stack, History()
    meter = Meter(stack=stack)
    await asyncio.sleep(MEASURED)
    idle = await meter.read()

    load = Load(stack.api, rig.supply, history, AT_FULL_SPEED)
    async with load.of(EAGER):
        meter, before = Meter(stack=stack), history.count(Kind.CONFIRM, 200)
        await asyncio.sleep(MEASURED)
        confirmed = history.count(Kind.CONFIRM, 200) - before
        busy = await meter.read()
        pooler = stack.kept("pgbouncer").program.port or 0
        clients, servers = connections(stack.pid("pgbouncer"), pooler)

    print(f"\nwhile nobody books:\n{told(idle, 0, MEASURED)}")
    print(f"at {confirmed / MEASURED:.1f} visits a second:\n{told(busy, confirmed, MEASURED)}")
    print(f"pgbouncer: {clients} clients on {servers} connections")
    assert sum(share.mib for share in busy.values()) < MOST_MIB
    assert 0 < servers < clients


@pytest.mark.parametrize("part", ONE_OF_SEVERAL)
async def test_bookings_go_on_while_one_of_several_is_away(rig: Rig, part: str) -> None:
    async with rig.case(47, f"kill -9 {part} of a stack of pairs") as case, case.load(CLIENTS):
        await case.confirmed(5)
        killed = time.time()
        with broken_calls(case, part):
            await case.stack.kill_and_hold_down(part)
        case.injected(f"kill -9 {part}")
        await case.confirmed(MEANWHILE, within=60)
        await case.stack.start(part)
        back = time.time()
        await case.confirmed(5)

    await until_all_are_told(case)
    print(line(case, part, killed, back))


@pytest.mark.parametrize("part", ALONE)
async def test_bookings_go_on_when_what_all_need_is_back(rig: Rig, part: str) -> None:
    async with rig.case(47, f"kill -9 {part} of a stack of pairs") as case, case.load(CLIENTS):
        await case.confirmed(5)
        killed = time.time()
        await case.stack.kill_and_hold_down(part)
        case.injected(f"kill -9 {part}")
        await case.stack.start(part)
        back = time.time()
        await case.confirmed(MEANWHILE, within=60)

    await until_all_are_told(case)
    print(line(case, part, killed, back))


async def test_bookings_go_on_while_valkeys_replica_becomes_the_primary(rig: Rig) -> None:
    valkeys = pairs_of(rig).valkeys
    await until_seen(valkeys.copies, "the replica copies")
    async with rig.case(47, "kill -9 valkey's primary") as case, case.load(CLIENTS):
        await case.confirmed(5)
        killed, part = time.time(), valkeys.primary
        await case.stack.kill_and_hold_down(part)
        case.injected(f"kill -9 {part}")
        await case.confirmed(MEANWHILE, within=60)
        await valkeys.fail_over()
        await case.confirmed(MEANWHILE, within=60)
        await case.stack.start(part)
        await valkeys.follow()
        back = time.time()
        await until_seen(valkeys.copies, "the one that was away copies")
        await case.confirmed(5)

    await until_all_are_told(case)
    print(line(case, part, killed, back))


def pairs_of(rig: Rig) -> Pairs:
    assert isinstance(rig.stack, Pairs)
    return rig.stack


@contextmanager
def broken_calls(case: Case, part: str) -> Iterator[None]:
    """Calls that are under way at an API when it is killed have no answer."""
    if not part.startswith("api"):
        yield
        return
    with case.answers_are_excused():
        yield


async def until_all_are_told(case: Case) -> None:
    """Each event has arrived: doctors have their notices, and no message is under way."""
    ids, url = list(case.history.bookings), case.stack.address("postgres")

    async def nobody_is_left() -> bool:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            left = await (await connection.execute(NOT_TOLD, (ids,))).fetchone()
        return left == (0,)

    await until_seen(nobody_is_left, "all are told", within=TOLD_WITHIN, every=0.5)


def line(case: Case, part: str, killed: float, back: float) -> str:
    """What patients noticed: the longest time in which no visit was confirmed."""
    calls = case.history.calls
    ends = sorted(
        call.ended
        for call in calls
        if call.kind is Kind.CONFIRM and call.status == 200 and call.ended > killed
    )
    pause = max(after - before for before, after in pairwise([killed, *ends]))
    meanwhile = sum(each < back for each in ends)
    return (
        f"\n{part:<10} away {back - killed:4.1f} s: {meanwhile} confirmed meanwhile, "
        f"none for {pause:.1f} s at most; {sum(call.status == 503 for call in calls)} of "
        f"{len(calls)} calls 503, slowest {max(call.seconds for call in calls):.2f} s"
    )
