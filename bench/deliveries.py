"""What do the three messages of a visit cost? `python -m bench.deliveries --notifiers ../before .`

After `make up`: the notifier of each checkout delivers the same number of events, in turns, on the
servers of one stack. The visits are rows written straight into PostgreSQL and the events come
straight from Kafka, so that what is measured is the telling alone.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from psycopg.rows import TupleRow

from adapters.kafka.events import EventPublisher
from bench.clinic import Clinic
from bench.processes import cpu_seconds
from domain.booking import Status
from domain.events import AppointmentEvent, EventType, event_id

SERVERS = ("temporal", "postgres", "kafka", "mailbox")
TOLD_WITHIN = 120.0
JOINS_WITHIN = 30.0
FIRST_DAY = datetime(2031, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(2099, 1, 1, tzinfo=UTC)

VISITS = """
WITH doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Петрова Анна Сергеевна', 'cardiology', id
    FROM clinics ORDER BY id LIMIT 1
    RETURNING id, clinic_id
), shift AS (
    INSERT INTO shifts (doctor_id, during)
    SELECT id, tstzrange(%s, %s) FROM doctor
), patient AS (
    INSERT INTO patients (id, full_name, phone, email, language)
    SELECT gen_random_uuid(), 'Иванов Пётр', '+70009999999', 'b' || n || '@example.org',
        CASE WHEN mod(n, 2) = 0 THEN 'ru' ELSE 'en' END
    FROM generate_series(1, %s) n
    RETURNING id
), numbered AS (SELECT id, row_number() OVER () AS n FROM patient)
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, version)
SELECT gen_random_uuid(), p.id, d.id, %s::timestamptz + p.n * interval '30 minutes',
    %s::timestamptz + (p.n + 1) * interval '30 minutes', 'confirmed', 2
FROM numbered p, doctor d
RETURNING id, patient_id, doctor_id, clinic_id, starts_at, ends_at
"""

TOLD = """
SELECT count(*) FROM notifications
WHERE status = 'sent' AND event_id::text = ANY(%s)
"""


async def events(clinic: Clinic, count: int) -> list[AppointmentEvent]:
    """So many confirmed visits, and what their workflows would have announced."""
    rows = await clinic.rows(VISITS, FIRST_DAY, LAST_DAY, count, FIRST_DAY, FIRST_DAY)
    return [_confirmed(row) for row in rows]


def _confirmed(row: TupleRow) -> AppointmentEvent:
    appointment, patient, doctor, clinic, starts_at, ends_at = row
    return AppointmentEvent(
        event_id=event_id(appointment, 2, EventType.CONFIRMED),
        type=EventType.CONFIRMED,
        time=datetime.now(UTC) - timedelta(seconds=1),
        sequence=2,
        appointment_id=appointment,
        patient_id=patient,
        doctor_id=doctor,
        clinic_id=clinic,
        starts_at=starts_at,
        ends_at=ends_at,
        status=Status.CONFIRMED,
    )


async def told(clinic: Clinic, wanted: list[AppointmentEvent], within: float) -> None:
    ids, begun = [str(each.event_id) for each in wanted], time.perf_counter()
    while time.perf_counter() < begun + within:
        ((sent,),) = await clinic.rows(TOLD, ids)
        if sent == 3 * len(wanted):
            return
        await asyncio.sleep(0.5)
    sys.exit(f"void: {sent} of {3 * len(wanted)} messages after {within:g} s")


async def turn(
    clinic: Clinic, checkout: Path, environment: dict[str, str], *, count: int, rate: float
) -> dict[str, float]:
    """CPU-ms a visit, by process."""
    publisher = EventPublisher(environment["KAFKA_BOOTSTRAP_SERVERS"])
    notifier = subprocess.Popen(  # noqa: ASYNC220 - our own program
        [sys.executable, "-m", "notifier"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for warm in await events_of(clinic, publisher, 30, rate):
            await told(clinic, [warm], JOINS_WITHIN)
        pids = {name: clinic.pid(name) for name in SERVERS} | {"notifier": notifier.pid}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        sent = await events_of(clinic, publisher, count, rate)
        await told(clinic, sent, TOLD_WITHIN)
        return {
            name: (cpu_seconds(pid) - before[name]) * 1000 / count for name, pid in pids.items()
        }
    finally:
        notifier.terminate()
        await asyncio.to_thread(notifier.wait)
        await publisher.stop()


async def events_of(
    clinic: Clinic, publisher: EventPublisher, count: int, rate: float
) -> list[AppointmentEvent]:
    made = await events(clinic, count)
    begun = time.perf_counter()
    for number, event in enumerate(made):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        await publisher.publish(event)
    return made


async def run(home: Path, notifiers: list[Path], *, count: int, rate: float, rounds: int) -> None:
    clinic = Clinic(home)
    environment = psutil.Process(clinic.pid("notifier")).environ()
    environment["PRIYOM_HEALTH_PORT"] = "0"
    await clinic.tell_supervisor("stop", "notifier")
    took: dict[Path, list[dict[str, float]]] = defaultdict(list)
    try:
        for number in range(rounds):
            for checkout in notifiers if number % 2 == 0 else notifiers[::-1]:
                took[checkout].append(
                    await turn(clinic, checkout, environment, count=count, rate=rate)
                )
    finally:
        await clinic.tell_supervisor("start", "notifier")
        await clinic.close()
    names = ("notifier", *SERVERS)
    print(f"CPU-ms a visit, medians of {rounds} turns of {count} events, {rate:g} a second")
    print(f"{'':<30}" + "".join(f"{name:>10}" for name in (*names, "in all")))
    for checkout, turns in took.items():
        medians = [statistics.median(each[name] for each in turns) for name in names]
        figures = [*medians, statistics.median(sum(each.values()) for each in turns)]
        print(f"{checkout!s:<30}" + "".join(f"{figure:>10.1f}" for figure in figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notifiers", type=Path, nargs="+", default=[Path()])
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("PRIYOM_HOME", ".priyom")))
    chosen = parser.parse_args()
    asyncio.run(
        run(
            chosen.home,
            [each.absolute() for each in chosen.notifiers],
            count=chosen.events,
            rate=chosen.rate,
            rounds=chosen.rounds,
        )
    )


if __name__ == "__main__":
    main()
