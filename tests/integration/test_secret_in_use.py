"""Another secret is noticed at start; the one before goes on while it is named."""

import asyncio
from dataclasses import replace

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from adapters.postgres.database import Database
from adapters.postgres.secret_in_use import Secrets, is_in_use
from adapters.process.settings import BadSettings, Product, product
from api.booking.hold import Bookings
from api.booking.idempotency import appointment_id_of
from api.booking.move_order import MoveKeys, MoveOrder
from domain.actors import ANYONE, Actor, Role
from domain.errors import IdempotencyKeyReused
from domain.visit_links import link_key, link_to, token_of
from tests.clinic_rows import Clinic, at
from tests.integration.audit_rows import scratch_database
from tests.integration.conftest import PREVIOUS_SECRET
from tests.integration.test_after_a_restore import RunsThatRemember, the_visit
from worker.process import Process, run_process
from worker.secrets import secrets_of

OLD, NEW, THIRD = b"o" * 32, b"n" * 32, b"t" * 32
ANNA = Actor(subject="anna", roles=frozenset({Role.PATIENT}))
NOBODY_LISTENS = "postgresql://nobody@127.0.0.1:1/none"
NO_OTHER_SERVER = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
}


def with_secrets(now: bytes, previous: bytes = b"") -> Product:
    named = {"secret": SecretStr(now.decode()), "secret_previous": SecretStr(previous.decode())}
    return product().model_copy(update=named)


async def test_a_secret_is_changed_only_by_who_names_the_one_before(
    clinic_database: Database,
) -> None:
    async with scratch_database(clinic_database) as scratch:
        told = [
            await asyncio.to_thread(is_in_use, scratch.url, secrets)
            for secrets in (
                Secrets(OLD),
                Secrets(OLD),
                Secrets(NEW),
                Secrets(NEW, OLD),
                Secrets(NEW),
                Secrets(OLD),
                Secrets(THIRD, OLD),
            )
        ]

    assert told == [True, True, False, True, True, False, False]


async def test_what_is_kept_says_nothing_of_the_secret(clinic_database: Database) -> None:
    async with scratch_database(clinic_database) as scratch:
        await asyncio.to_thread(is_in_use, scratch.url, Secrets(OLD))
        async with await psycopg.AsyncConnection.connect(scratch.url) as connection:
            kept = await connection.execute("SELECT fingerprint FROM secret_in_use")
            [[fingerprint]] = await kept.fetchall()

    assert len(fingerprint) == 32
    assert OLD not in fingerprint


def test_a_database_that_is_away_is_not_waited_for() -> None:
    assert secrets_of(with_secrets(OLD), NOBODY_LISTENS) == Secrets(OLD)


async def test_a_process_with_another_secret_says_so_and_ends(
    clinic_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with scratch_database(clinic_database) as scratch:
        await asyncio.to_thread(is_in_use, scratch.url, Secrets(OLD))
        with pytest.raises(BadSettings, match="PRIYOM_SECRET_PREVIOUS"):
            await asyncio.to_thread(secrets_of, with_secrets(NEW, THIRD), scratch.url)
        monkeypatch.setenv("DATABASE_URL", scratch.url)
        for name, value in NO_OTHER_SERVER.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PRIYOM_SECRET", NEW.decode())
        ended = await asyncio.to_thread(run_process, "notifier", never, pool_size=1, signs=True)

    said = capsys.readouterr().err
    assert ended == 2
    assert "PRIYOM_SECRET is not the one" in said
    assert NEW.decode() not in said


async def never(_: Process) -> None:
    raise AssertionError


async def test_a_link_by_the_secret_before_opens(api: str, clinic: Clinic) -> None:
    visit = await clinic.book(at("09:30"))
    root = api.removesuffix("/api/v1")

    link = link_to(visit, 2, at("10:00"))
    tokens = [token_of(link_key(secret), link) for secret in (PREVIOUS_SECRET, THIRD)]

    async with httpx.AsyncClient(base_url=root, timeout=20) as http:
        told = [(await http.get(f"/v/{token}")).status_code for token in tokens]

    assert told == [200, 404]


async def test_a_key_that_was_sent_under_the_secret_before_leads_to_its_hold(
    clinic: Clinic,
) -> None:
    patient = await clinic.patient()
    held = await clinic.hold(at("09:00"), patient_id=patient)
    bound = appointment_id_of(OLD, patient, "a key", sent_by=ANYONE)
    await clinic.execute(
        "UPDATE schedules SET id = :bound, visit_id = :bound WHERE id = :held",
        bound=bound,
        held=held,
    )
    runs = RunsThatRemember(the_visit(clinic, patient, appointment_id=bound))
    bookings = Bookings(clinic.database, runs, product(), NEW, previous=OLD, tell=lambda *_: None)

    again = await bookings.hold(patient, clinic.doctor_id, at("09:00"), "a key", by=ANYONE)

    assert (again.appointment.appointment_id, again.replayed) == (bound, True)


async def test_a_key_of_a_move_is_known_under_the_secret_before(clinic: Clinic) -> None:
    visit = the_visit(clinic, await clinic.patient(), appointment_id=await clinic.book(at("09:00")))
    order = MoveOrder(
        appointment_id=visit.appointment_id, version=2, starts_at=at("10:00"), by=ANNA, key="k"
    )
    await MoveKeys(clinic.database, OLD).bind(order, visit)
    elsewhere = replace(order, starts_at=at("10:30"))

    with pytest.raises(IdempotencyKeyReused):
        await MoveKeys(clinic.database, NEW, OLD).answered(elsewhere, visit)
    assert await MoveKeys(clinic.database, NEW).answered(elsewhere, visit) is None
