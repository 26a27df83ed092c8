"""Is everybody told once in a storm? `python -m tests.faults.storm` (after `make up`, `make seed`).

A thousand bookings while the notifier is killed (-9) ten times, Kafka is restarted once, the SMS
gateway refuses with 503 a third of the time and the mail server is away for half a minute. Then the
mailbox is compared with the visits: one e-mail, one SMS and one notice each, by key, and nothing of
a hold that was given up. Exits 1 where that is not so.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from bench.clinic import Bookings, Clinic, options_of
from bench.processes import tell_supervisor

LEAVE_EVERY = 20
SPARE = 1.1
"""Some are given up, and some patients are asked to be in two places."""

KAFKA_AWAY_SECONDS = 5.0
MAIL_AWAY_SECONDS = 30
SMS_REFUSES, SMS_WORKS = 10.0, 20.0
SETTLED_WITHIN = 420.0
"""The mail server is tried at least every two minutes, the gateway every half minute."""

UNDER_WAY = "SELECT count(*) FROM notifications WHERE status = 'sending'"
TOLD = """
SELECT id::text, appointment_id::text, audience, channel, status, instead_of
FROM notifications WHERE appointment_id::text = ANY(%s)
"""


@dataclass
class Weather:
    """What was done to the servers, and how many messages were being sent at each kill."""

    kills: int = 0
    sending_at_kills: list[int] = field(default_factory=list)
    refused_seconds: float = 0.0


async def kill_notifier(clinic: Clinic, weather: Weather, *, times: int, within: float) -> None:
    """At random moments, each while it runs."""
    for _ in range(times):
        await asyncio.sleep(random.uniform(0.6, 1.2) * within / times)
        pid = await _running(clinic, "notifier")
        weather.sending_at_kills.append((await clinic.rows(UNDER_WAY))[0][0])
        os.kill(pid, signal.SIGKILL)
        weather.kills += 1


async def _running(clinic: Clinic, name: str) -> int:
    while True:
        pid = clinic.state["pids"][name]
        if pid and psutil.pid_exists(pid):
            return pid
        await asyncio.sleep(0.2)


async def restart_kafka(clinic: Clinic, *, after: float) -> None:
    await asyncio.sleep(after)
    await tell_supervisor(clinic.home, "stop", "kafka")
    await asyncio.sleep(KAFKA_AWAY_SECONDS)
    await tell_supervisor(clinic.home, "start", "kafka")


async def mail_leaves(clinic: Clinic, *, after: float) -> None:
    await asyncio.sleep(after)
    await clinic.mailbox("POST", "/faults", {"channel": "email", "awaySeconds": MAIL_AWAY_SECONDS})


async def sms_refuses(clinic: Clinic, weather: Weather) -> None:
    """Until it is cancelled; then it works again."""
    refuse = {"channel": "sms", "status": 503, "times": 1_000_000}
    try:
        while True:
            await clinic.mailbox("POST", "/faults", refuse)
            await asyncio.sleep(SMS_REFUSES)
            weather.refused_seconds += SMS_REFUSES
            await clinic.mailbox("POST", "/faults", {**refuse, "times": 0})
            await asyncio.sleep(SMS_WORKS)
    finally:
        await clinic.mailbox("POST", "/faults", {**refuse, "times": 0})


async def storm(clinic: Clinic, *, bookings: int, rate: float, kills: int) -> int:
    todo = (await clinic.wishes())[: int(bookings * SPARE)]
    await clinic.mailbox("DELETE", "/messages")
    weather, seconds = Weather(), len(todo) / rate
    refusing = asyncio.create_task(sms_refuses(clinic, weather))
    print(f"{len(todo)} bookings at {rate:g}/s, {kills} kills; about {seconds:.0f} s")
    done, *_ = await asyncio.gather(
        clinic.book(todo, rate=rate, leave_every=LEAVE_EVERY),
        kill_notifier(clinic, weather, times=kills, within=seconds),
        restart_kafka(clinic, after=seconds * 0.3),
        mail_leaves(clinic, after=seconds * 0.55),
    )
    took = await settled(clinic, done)
    refusing.cancel()
    await asyncio.gather(refusing, return_exceptions=True)
    print(f"confirmed {len(done.confirmed)}, given up {len(done.given_up)}, {done.refused}")
    print(f"the last message was told {took:.0f} s after the last booking")
    return await judged(clinic, done, weather)


async def settled(clinic: Clinic, done: Bookings) -> float:
    """Seconds until nothing is being sent any more and every visit has its three messages."""
    begun, wanted = time.perf_counter(), 3 * len(done.confirmed)
    ids = [each.appointment_id for each in done.confirmed]
    while time.perf_counter() < begun + SETTLED_WITHIN:
        ended = [row for row in await clinic.rows(TOLD, ids) if row[4] != "sending"]
        if len(ended) >= wanted:
            break
        await asyncio.sleep(1)
    return time.perf_counter() - begun


async def judged(clinic: Clinic, done: Bookings, weather: Weather) -> int:
    """The number of visits and holds that were not told as they should have been."""
    confirmed = {each.appointment_id for each in done.confirmed}
    rows = await clinic.rows(TOLD, [*confirmed, *done.given_up])
    kept = await clinic.mailbox("GET", "/messages")
    copies: dict[str, int] = {_key(message): message["deliveries"] for message in kept}
    twice = sum(copies.values()) - len(copies)
    by_visit: dict[str, Counter[str]] = {each: Counter() for each in confirmed}
    wrong = 0
    for key, visit, audience, channel, status, instead_of in rows:
        wrong += visit not in confirmed
        reached = status == "sent" and (audience == "doctor" or copies.pop(key, 0) > 0)
        if reached and visit in by_visit:
            by_visit[visit]["fail-over" if instead_of else channel] += 1
    right = {"email": 1, "sms": 1, "inbox": 1}
    ill_told = [visit for visit, told in by_visit.items() if dict(told) != right]
    print(f"told exactly once by e-mail, SMS and notice: {len(confirmed) - len(ill_told)}")
    print(
        f"told otherwise: {len(ill_told)}; messages of no visit: {len(copies)}; "
        f"of holds given up: {wrong}"
    )
    print(
        f"handed over twice with one key: {twice}; under way at the {weather.kills} kills: "
        f"{sum(weather.sending_at_kills)} {weather.sending_at_kills}"
    )
    print(f"the SMS gateway refused for {weather.refused_seconds:.0f} s")
    for visit in ill_told[:5]:
        print("  ", visit, dict(by_visit[visit]), [row[2:] for row in rows if row[1] == visit])
    return len(ill_told) + len(copies) + wrong + int(twice > sum(weather.sending_at_kills))


def _key(message: dict[str, str]) -> str:
    """The notification's id: an SMS's key, and a letter's Message-ID up to its @."""
    return message["key"].strip("<>").partition("@")[0]


async def run(clinic: Clinic, *, bookings: int, rate: float, kills: int) -> int:
    wrong = await storm(clinic, bookings=bookings, rate=rate, kills=kills)
    await clinic.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    chosen = options_of(__doc__, bookings=1000, rate=6.0, kills=10)
    sys.exit(
        asyncio.run(
            run(Clinic(chosen.home), bookings=chosen.bookings, rate=chosen.rate, kills=chosen.kills)
        )
    )
