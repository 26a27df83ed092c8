"""How soon is a patient told? `python -m bench.tell` (after `make up`, `make seed`).

From the confirm's 200 to the letter in the mailbox, at a steady rate; then the confirm's own
latency side by side with the notifier running, stopped, and with Kafka away, in turns.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bench.clinic import Clinic, Confirmed
from bench.http import Connection
from bench.speed import Wish, wishes

TOLD_WITHIN = 30.0
LETTERS = """
SELECT appointment_id::text, id::text FROM notifications
WHERE channel = 'email' AND status = 'sent' AND appointment_id::text = ANY(%s)
"""
WEATHERS = ("notifier on", "notifier off", "Kafka away")
STOPPED = {"notifier off": "notifier", "Kafka away": "kafka"}


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def delays(clinic: Clinic, confirmed: list[Confirmed]) -> list[float]:
    """Seconds from each confirm's 200 to its letter, which may be there before the 200 is read."""
    ids, begun = [each.appointment_id for each in confirmed], time.perf_counter()
    letters: dict[str, str] = {}
    while len(letters) < len(ids) and time.perf_counter() < begun + TOLD_WITHIN:
        letters = dict(await clinic.rows(LETTERS, ids))
        await asyncio.sleep(0.5)
    arrived = {
        message["key"].strip("<>").partition("@")[0]: datetime.fromisoformat(message["receivedAt"])
        for message in await clinic.mailbox("GET", "/messages?channel=email")
    }
    missing = [each for each in ids if letters.get(each) not in arrived]
    if missing:
        sys.exit(f"void: {len(missing)} visits without a letter after {TOLD_WITHIN:g} s")
    return [
        max(0.0, arrived[letters[each.appointment_id]].timestamp() - each.at) for each in confirmed
    ]


@asynccontextmanager
async def weather(clinic: Clinic, name: str) -> AsyncIterator[None]:
    stopped = STOPPED.get(name)
    if stopped:
        await clinic.tell_supervisor("stop", stopped)
    try:
        yield
    finally:
        if stopped:
            await clinic.tell_supervisor("start", stopped)


async def side_by_side(
    clinic: Clinic, todo: list[Wish], *, rate: float, seconds: float, rounds: int
) -> dict[str, list[float]]:
    """Seconds that each confirm took, by what was away; in turns, since a machine has its moods."""
    took: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds):
        for name in WEATHERS[turn % 3 :] + WEATHERS[: turn % 3]:
            async with weather(clinic, name):
                await clinic.book([todo.pop() for _ in range(int(rate * 2))], rate=rate)
                done = await clinic.book(
                    [todo.pop() for _ in range(int(rate * seconds))], rate=rate
                )
            took[name] += [each.took for each in done.confirmed]
            await asyncio.sleep(4)  # what was late is told now, not in the next turn
    return took


def line(name: str, values: list[float]) -> str:
    p50, p99 = statistics.median(values) * 1000, quantile(values, 0.99) * 1000
    return f"{name:<26} {len(values):>5}   p50 {p50:7.1f} ms   p99 {p99:7.1f} ms"


async def run(home: Path, *, rate: float, seconds: float, turn: float, rounds: int) -> None:
    clinic = Clinic(home)
    connection = Connection(clinic.state["api"])
    wanted = int(rate * seconds + rounds * 3 * rate * (turn + 2) + rate * 5)
    todo = await wishes(connection, clinic.state, want=wanted)
    await connection.close()
    await clinic.mailbox("DELETE", "/messages")
    await clinic.book([todo.pop() for _ in range(int(rate * 5))], rate=rate)  # to warm up
    done = await clinic.book([todo.pop() for _ in range(int(rate * seconds))], rate=rate)
    found = await delays(clinic, done.confirmed)
    print(f"{rate:g} bookings a second for {seconds:g} s, refused {done.refused}")
    print(line("confirm's 200 → e-mail", found))
    took = await side_by_side(clinic, todo, rate=rate, seconds=turn, rounds=rounds)
    print(f"confirm's own latency, {rounds} turns of {turn:g} s each")
    for name in WEATHERS:
        print(line(name, took[name]))
    await clinic.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turn", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("PRIYOM_HOME", ".priyom")))
    chosen = parser.parse_args()
    asyncio.run(
        run(
            chosen.home,
            rate=chosen.rate,
            seconds=chosen.seconds,
            turn=chosen.turn,
            rounds=chosen.rounds,
        )
    )


if __name__ == "__main__":
    main()
