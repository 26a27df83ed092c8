"""Whether a booking costs more when there is more of everything: `python -m bench.growth`.

Rows in the table, doctors, holds that are open: CPU a booking by process and latencies, on one
stack of its own, the small and the big in turns so that a machine's mood moves both. Then many
holds at once: memory, confirmations of runs that the worker has evicted, and all of them lapsing.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from adapters.process.exit import exit_process
from bench import report
from bench.figures import Turn, quantiles
from bench.open_holds import (
    Held,
    confirm_in_turns,
    extended,
    lateness,
    lateness_of_runs,
    look,
    open_holds,
    watch_them_lapse,
)
from bench.stand import TELLERS, Size, Stand, stand, wishes_of_many
from stack.prepare import prepare

CORES = os.cpu_count() or 1
FEW_DOCTORS, MANY_DOCTORS = 220, 5_000
DAYS_OF_FEW, DAYS_OF_MANY = 28, 5
TOLD_WITHIN = 60.0
WARMED_SECONDS = 3.0
RESERVED = 1_000
"""Wishes for those who book while many holds are open."""

NOTICES = """
SELECT count(DISTINCT appointment_id) FROM notifications
WHERE audience = 'doctor' AND appointment_id::text = ANY(%s)
"""

Found = dict[str, Any]


def main() -> int:
    options = _options()
    prepare()
    found: Found = {
        "command": shlex.join(["python", "-m", "bench.growth", *sys.argv[1:]]),
        "cores": CORES,
    }
    try:
        if options.rows:
            asyncio.run(_sizes(options, found.setdefault("sizes", [])))
        if options.holds:
            asyncio.run(_holds(options, found.setdefault("holds", {})))
    finally:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        _say(f"written to {options.out}")
    return 0


async def _sizes(options: argparse.Namespace, found: list[Found]) -> None:
    """Every size in every round, with few users and with many."""
    sizes = [Size(rows=rows, doctors=FEW_DOCTORS, days=DAYS_OF_FEW) for rows in options.rows]
    if options.doctors:
        rows = max(options.rows) if options.doctors_at is None else options.doctors_at
        sizes.append(Size(rows=rows, doctors=MANY_DOCTORS, days=DAYS_OF_MANY))
    done: list[Turn] = []
    # An audit in the middle of a turn would be that turn's bad luck.
    async with stand({"PRIYOM_AUDIT_SECONDS": "3600"}) as place:
        for size in sizes:
            _say(f"made {size.name} in {await place.make(size):.0f} s")
        for number in range(1, options.rounds + 1):
            for size in sizes if number % 2 else reversed(sizes):
                await place.put(size)
                await _warmed(place, size)
                for users in options.users:
                    turn = Turn(engine=size.name, round=number, users=users)
                    await place.load(size, place.engine, turn, seconds=options.seconds)
                    done.append(turn)
                    about = {"rows": size.rows, "doctors": size.doctors, "round": number}
                    found.append({**about, **_measured(turn)})
                    _say(report.line(turn, CORES))
    for line in report.costs(done):
        _say(line)


async def _warmed(place: Stand, size: Size) -> None:
    """Processes that have just begun have everything to load: that is no turn's burden."""
    turn = Turn(engine=size.name, round=0, users=8)
    await place.load(size, place.engine, turn, seconds=WARMED_SECONDS)


async def _holds(options: argparse.Namespace, found: Found) -> None:
    """The same turns with ever more holds open; then what becomes of those."""
    size = Size(rows=100_000, doctors=FEW_DOCTORS, days=DAYS_OF_FEW, patients=30_000)
    levels: list[Found] = found.setdefault("levels", [])
    lasts = str(options.hold_seconds)
    async with stand({"PRIYOM_HOLD_SECONDS": lasts}) as place:
        await place.make(size)
        await place.put(size)
        await place.tell("start", *reversed(TELLERS))
        todo = await wishes_of_many(place.database_url)
        turns_have, todo = todo[: RESERVED * 4], todo[RESERVED * 4 :]
        extras, todo = todo[:RESERVED], todo[RESERVED:]
        place.turns_from(size, turns_have)
        found["holdSeconds"] = options.hold_seconds
        found["age"] = await _age(place, todo, options.sample)
        held = Held()
        for level in [0, *options.holds]:
            until = options.hold_seconds - options.spare
            await open_holds(place, held, todo, up_to=level, by=until)
            levels.append(await _level(place, size, held, options))
            _say(json.dumps(levels[-1]["memoryMiB"]))
        found["opened"] = {"holds": len(held.ids), "heldMs": quantiles(held.held_ms)}
        found["confirmed"] = await _evicted(place, held, options.sample)
        within = held.elapsed + options.hold_seconds + options.patience
        booked = await watch_them_lapse(place, held, extras, within=within)
        found["lapse"] = await _lapsed(place, held, booked)
        found["refused"] = held.refused


async def _age(place: Stand, todo: list[Any], sample: int) -> Found:
    """A run whose hold was extended twice has the longest history that a booking may have."""
    held, refused = Held(), dict[str, int]()
    await open_holds(place, held, todo, up_to=2 * sample, by=120)
    old, new = held.ids[:sample], held.ids[sample : 2 * sample]
    for each in old:
        await extended(place, each)
    took = await confirm_in_turns(place, old, new, refused)
    ages = {"extendedTwice": quantiles(took[0]), "fresh": quantiles(took[1]), "refused": refused}
    _say(f"confirmed after two extensions, and fresh: {json.dumps(ages)}")
    return ages


async def _level(place: Stand, size: Size, held: Held, options: argparse.Namespace) -> Found:
    async with await psycopg.AsyncConnection.connect(place.database_url) as connection:
        seen = await look(place, held, connection)
    found: Found = {"held": seen.held, "memoryMiB": seen.memory_mib, "turns": []}
    for users in options.users:
        turn = Turn(engine=f"{seen.held} holds open", round=1, users=users)
        seconds = options.seconds
        await place.load(size, place.engine, turn, seconds=seconds, settle=_told(place))
        found["turns"].append(_measured(turn))
        _say(report.line(turn, CORES))
    return found


async def _evicted(place: Stand, held: Held, sample: int) -> Found:
    refused: dict[str, int] = {}
    oldest, newest = held.ids[:sample], held.ids[-sample:]
    evicted, cached = await confirm_in_turns(place, oldest, newest, refused)
    found = {"evictedMs": quantiles(evicted), "cachedMs": quantiles(cached), "refused": refused}
    _say(f"confirmed: {json.dumps(found)}")
    return found


async def _lapsed(place: Stand, held: Held, booked: list[tuple[float, float, float]]) -> Found:
    rows = sorted(await lateness(place.database_url, held.ids))
    runs = await lateness_of_runs(place, held.ids, sample=200)
    found: Found = {
        "lapsed": len(rows),
        "rowLateSeconds": {**quantiles(rows), "max": max(rows, default=0.0)},
        "rowsLaterThan5s": sum(1 for late in rows if late > 5),
        "runLateSeconds": {**quantiles(runs), "max": max(runs, default=0.0)},
        "bookedMeanwhile": {
            "bookings": len(booked),
            "heldMs": quantiles([each[1] for each in booked]),
            "confirmedMs": quantiles([each[2] for each in booked]),
        },
    }
    _say(json.dumps(found))
    found["seen"] = [dataclasses.asdict(each) for each in held.seen]
    found["booked"] = booked
    return found


def _told(place: Stand) -> Any:
    async def settle(turn: Turn) -> None:
        deadline = time.perf_counter() + TOLD_WITHIN
        async with await psycopg.AsyncConnection.connect(
            place.database_url, autocommit=True
        ) as connection:
            while time.perf_counter() < deadline:
                row = await (await connection.execute(NOTICES, [turn.confirmed])).fetchone()
                if row is not None and row[0] >= len(turn.confirmed):
                    return
                await asyncio.sleep(0.1)

    return settle


def _measured(turn: Turn) -> Found:
    return {
        "users": turn.users,
        "bookings": len(turn.confirmed),
        "rate": round(turn.rate, 2),
        "heldMs": quantiles(turn.held_ms),
        "confirmedMs": quantiles(turn.confirmed_ms),
        "cpuMs": {name: round(ms, 2) for name, ms in turn.cpu_ms().items()},
        "refused": turn.refused,
        "others": round(turn.others(CORES), 3),
    }


def _say(text: str) -> None:
    print(text, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--doctors", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--doctors-at", type=int, help="rows of the clinic of many doctors")
    parser.add_argument("--holds", type=int, nargs="*", default=[2_000, 20_000])
    parser.add_argument("--hold-seconds", type=int, default=500)
    parser.add_argument("--spare", type=int, default=75, help="seconds before the first lapse")
    parser.add_argument("--patience", type=int, default=300, help="seconds after the last lapse")
    parser.add_argument("--sample", type=int, default=60, help="confirmations of each kind")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=6, help="of a turn, warm-up excluded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("growth-results.json"))
    return parser.parse_args()


if __name__ == "__main__":
    exit_process(main())
