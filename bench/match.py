"""The rounds: A B A B, each engine alone; the product once more with its notifier."""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from uuid import UUID

import psycopg
from temporalio.client import Client

from adapters.kafka.events import GROUP
from bench import engines, environment, report, restate_server, topic, truth
from bench.arena import TELLERS, Arena, alone
from bench.engines import Engine
from bench.figures import NOISY, PRODUCT, WITH_NOTIFIER, Turn, quietest
from bench.free_slots import read_wishes
from bench.messages import everybody_is_told
from bench.processes import tell_supervisor
from bench.run_costs import Cost, cost_of
from bench.turns import Turns
from domain.events import booking_workflow_id
from stack import run_state

CORES = os.cpu_count() or 1
SAMPLED_RUNS = 20
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be measured; a turn lasts `seconds` without its warm-up."""

    engines: Sequence[str]
    users: Sequence[int]
    seconds: float
    rounds: int
    retakes: int
    signed_in: bool


@dataclass(kw_only=True)
class Found:
    """What came of it; `turns` are those that count."""

    turns: list[Turn]
    versions: dict[str, str]
    memory_mib: dict[str, dict[str, float]]
    runs: list[Cost]
    problems: list[str]


async def play(plan: Plan, place: Arena, say: Say) -> Found:
    wishes = await read_wishes(place.database_url)
    turns = Turns(wishes, place.counters, place.consumer, place.token_of)
    done: list[Turn] = []
    taken: list[Turn] = []
    for number in range(1, plan.rounds + 1):
        for users in plan.users:
            for engine in place.engines:
                take = partial(_alone, engine, turns, plan.seconds)
                like = Turn(engine=engine.name, round=number, users=users)
                tries = await tries_of(take, like, say, retakes=plan.retakes)
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


async def tries_of(
    take: Callable[[Turn], Awaitable[Turn]], like: Turn, say: Say, *, retakes: int
) -> list[Turn]:
    """The turn, taken again while others use the machine; no more than a few times."""
    tries: list[Turn] = []
    while not tries or (tries[-1].others(CORES) > NOISY and len(tries) <= retakes):
        tries.append(await take(Turn(engine=like.engine, round=like.round, users=like.users)))
        say(report.line(tries[-1], CORES))
    return tries


async def _alone(engine: Engine, turns: Turns, seconds: float, turn: Turn) -> Turn:
    with alone(engine):
        return await turns.take(engine, turn, seconds=seconds)


async def _versions(plan: Plan, place: Arena) -> dict[str, str]:
    async with await psycopg.AsyncConnection.connect(place.database_url) as connection:
        row = await (await connection.execute("SHOW server_version")).fetchone()
    found = {"postgres": str(row[0]) if row else "", "temporalio": version("temporalio")}
    if "restate" in plan.engines:
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
        await tell_supervisor(place.home, "start", name)
    engine = _and_tellers(place, bare)
    for users in plan.users:
        turn = Turn(engine=WITH_NOTIFIER, round=1, users=users)
        told = everybody_is_told(place.database_url)
        done.append(await turns.take(engine, turn, seconds=plan.seconds, settle=told))
        say(report.line(turn, CORES))
    for name in reversed(TELLERS):
        await tell_supervisor(place.home, "stop", name)
    bare.pause()
    return done


def _and_tellers(place: Arena, engine: Engine) -> Engine:
    now = run_state.read(place.home.run_file) or place.state
    tellers = tuple((name, pid) for name in TELLERS if (pid := now["pids"].get(name)))
    return replace(engine, name=WITH_NOTIFIER, pids=engine.pids + tellers)


async def _wrong(place: Arena, done: Sequence[Turn]) -> list[str]:
    rows: dict[str, set[str]] = {}
    overlaps: dict[str, int] = {}
    for engine in place.engines:
        rows[engine.name], overlaps[engine.name] = await truth.rows_of(engine.database_url)
    return truth.wrong(done, rows, overlaps, await topic.announced(place.consumer))
