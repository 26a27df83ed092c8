"""The rounds: A B A B, each engine alone; the product once more with its notifier."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from temporalio.client import Client

from adapters.kafka.events import GROUP
from bench import engines, environment, report, restate_server, topic, truth
from bench.arena import TELLERS, Arena, alone
from bench.engines import RESTATES, Engine
from bench.figures import NOISY, PRODUCT, WITH_NOTIFIER, Turn, quietest
from bench.free_slots import read_wishes
from bench.run_costs import Cost, cost_of
from bench.turns import NotAnnounced, Settle, Turns
from domain.events import booking_workflow_id
from stack import run_state

CORES = os.cpu_count() or 1
SAMPLED_RUNS = 20
TOLD_WITHIN = 60.0
LETTERS = """
SELECT count(DISTINCT appointment_id) FROM notifications
WHERE channel = 'email' AND status = 'sent' AND appointment_id::text = ANY(%s)
"""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be measured; a turn lasts `seconds` without its warm-up."""

    engines: Sequence[str]
    users: Sequence[int]
    seconds: float
    rounds: int
    retakes: int


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Which turn of an engine it is."""

    round: int
    users: int


@dataclass(kw_only=True)
class Found:
    """What came of it; `turns` are those that count."""

    turns: list[Turn]
    versions: dict[str, str]
    memory_mib: dict[str, dict[str, float]]
    runs: list[Cost]
    problems: list[str]


async def play(plan: Plan, place: Arena, say: Say) -> Found:
    turns = Turns(await read_wishes(place.database_url), place.counters, place.consumer)
    done: list[Turn] = []
    taken: list[Turn] = []
    for number in range(1, plan.rounds + 1):
        for users in plan.users:
            for engine in place.engines:
                tries = await _tries(plan, engine, turns, say, Sought(round=number, users=users))
                done.append(quietest(tries, CORES))
                taken += tries
    memory = {engine.name: place.counters.memory_mib(engine) for engine in place.engines}
    runs: list[Cost] = []
    if PRODUCT in plan.engines:
        runs = await _costs_of_runs(place, [t for t in done if t.engine == PRODUCT])
        told = await _with_notifier(plan, place, turns, say)
        done += told
        taken += told
    problems = await _wrong(place, taken)
    return Found(
        turns=done,
        versions=await _versions(plan, place),
        memory_mib=memory,
        runs=runs,
        problems=problems,
    )


async def _tries(plan: Plan, engine: Engine, turns: Turns, say: Say, sought: Sought) -> list[Turn]:
    """The turn, taken again while others use the machine; no more than a few times."""
    tries: list[Turn] = []
    while not tries or (tries[-1].others(CORES) > NOISY and len(tries) <= plan.retakes):
        turn = Turn(engine=engine.name, round=sought.round, users=sought.users)
        with alone(engine):
            tries.append(await turns.take(engine, turn, seconds=plan.seconds))
        say(report.line(turn, CORES))
    return tries


async def _versions(plan: Plan, place: Arena) -> dict[str, str]:
    async with await psycopg.AsyncConnection.connect(place.database_url) as connection:
        row = await (await connection.execute("SHOW server_version")).fetchone()
    found = {"postgres": str(row[0]) if row else "", "temporalio": version("temporalio")}
    if RESTATES & set(plan.engines):
        found["restate-server"] = restate_server.VERSION
        found["restate-sdk"] = environment.package_version("restate-sdk")
    if "dbos" in plan.engines:
        found["dbos"] = environment.package_version("dbos")
    return found


async def _costs_of_runs(place: Arena, done: Sequence[Turn]) -> list[Cost]:
    """Of the runs that were confirmed last: what Temporal has written, and bills, for each."""
    ids = [each for turn in done for each in turn.confirmed][-SAMPLED_RUNS:]
    engine = engines.product(place.state)
    with alone(engine):
        namespace = place.state["temporalNamespace"]
        client = await Client.connect(place.state["temporalAddress"] or "", namespace=namespace)
        runs = [client.get_workflow_handle(booking_workflow_id(UUID(each))) for each in ids]
        return [cost_of(await run.fetch_history()) for run in runs]


async def _with_notifier(plan: Plan, place: Arena, turns: Turns, say: Say) -> list[Turn]:
    """The same load with every message sent; what was announced before is not told now."""
    done: list[Turn] = []
    bare = engines.product(place.state)
    bare.resume()
    await topic.skip_to_end(place.kafka, GROUP)
    for name in TELLERS:
        await place.tell_supervisor("start", name)
    engine = _and_tellers(place, bare)
    for users in plan.users:
        turn = Turn(engine=WITH_NOTIFIER, round=1, users=users)
        settle = _told_in(place.database_url)
        done.append(await turns.take(engine, turn, seconds=plan.seconds, settle=settle))
        say(report.line(turn, CORES))
    for name in reversed(TELLERS):
        await place.tell_supervisor("stop", name)
    bare.pause()
    return done


def _and_tellers(place: Arena, engine: Engine) -> Engine:
    now = run_state.read(place.home.run_file) or place.state
    tellers = tuple((name, pid) for name in TELLERS if (pid := now["pids"].get(name)))
    return replace(engine, name=WITH_NOTIFIER, pids=engine.pids + tellers)


def _told_in(database_url: str) -> Settle:
    """Waits until a letter was sent for every visit of the turn."""

    async def settle(turn: Turn) -> None:
        deadline = time.perf_counter() + TOLD_WITHIN
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            while await _letters(connection, turn.confirmed) < len(turn.confirmed):
                if time.perf_counter() > deadline:
                    raise NotAnnounced("not every patient was told")
                await asyncio.sleep(0.1)

    return settle


async def _letters(connection: psycopg.AsyncConnection[TupleRow], ids: list[str]) -> int:
    row = await (await connection.execute(LETTERS, [ids])).fetchone()
    await connection.rollback()  # so that the next look sees what has come since
    return int(row[0]) if row else 0


async def _wrong(place: Arena, done: Sequence[Turn]) -> list[str]:
    rows: dict[str, set[str]] = {}
    overlaps: dict[str, int] = {}
    for engine in place.engines:
        rows[engine.name], overlaps[engine.name] = await truth.rows_of(engine.database_url)
    return truth.wrong(done, rows, overlaps, await topic.announced(place.consumer))
