"""Who acts for another patient: from the answer on, until the end, and no longer than that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from adapters.oidc.keys import Issuer
from adapters.oidc.tokens import Claims, Tokens
from adapters.postgres.accounts import account_of
from adapters.postgres.reads import read_by_cursor
from adapters.redis.cache import connect_redis
from adapters.redis.sessions import SessionStore
from api.sign_in.accounts import Accounts
from api.sign_in.callers import SignIn
from api.sign_in.sessions import COOKIE, Sessions
from domain.actors import Role
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import AUDIENCE, FakeIssuer

WAITING = text("SELECT count(*) FROM pg_locks WHERE relation = 'proxies'::regclass AND NOT granted")
FOREVER = "2099-01-01T00:00:00Z"


@dataclass(frozen=True)
class Family:
    """A child, whose visit is confirmed, and the API as somebody calls it."""

    http: httpx.AsyncClient
    issuer: FakeIssuer
    clinic: Clinic
    child: UUID
    visit: UUID

    def by(self, subject: str, **claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token('e1', sub=subject, **claims)}"}

    @property
    def manager(self) -> dict[str, str]:
        return self.by("manager", roles=["manager"], clinic_ids=[str(self.clinic.id)])

    async def allow(self, **who: object) -> str:
        path = f"/patients/{self.child}/proxies"
        answer = await self.http.post(path, json=who, headers=self.manager)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["proxyId"])

    async def proxy_for(self, caller: dict[str, str]) -> list[str]:
        found: list[str] = (await self.http.get("/me", headers=caller)).json()["proxyFor"]
        return found

    async def read(self, caller: dict[str, str]) -> int:
        answer = await self.http.get(f"/appointments/{self.visit}", headers=caller)
        return answer.status_code


@pytest.fixture
async def family(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[Family]:
    child = await clinic.patient()
    visit = await clinic.hold(at("09:00"), patient_id=child)
    await clinic.becomes(visit, "confirmed")
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield Family(http, issuer, clinic, child, visit)


async def test_a_proxy_counts_from_the_answer_on_and_not_after_its_end(family: Family) -> None:
    subject = f"aunt-{uuid4()}"
    aunt = family.by(subject)

    before = await family.proxy_for(aunt), await family.read(aunt)
    proxy = await family.allow(subject=subject)
    during = await family.proxy_for(aunt), await family.read(aunt)
    path = f"/patients/{family.child}/proxies/{proxy}"
    ended = await family.http.delete(path, headers=family.manager)
    after = await family.proxy_for(aunt), await family.read(aunt)

    assert ended.status_code == 200
    assert (before, after) == (([], 404), ([], 404))
    assert during == ([str(family.child)], 200)


async def test_a_proxy_commands_what_the_patient_would(family: Family) -> None:
    mother = family.by(f"mother-{uuid4()}", patient_id=str(await family.clinic.patient()))
    own = (await family.http.get("/me", headers=mother)).json()["patientId"]
    wish = {
        "patientId": str(family.child),
        "doctorId": str(family.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
    }
    visit = f"/appointments/{family.visit}"
    stranger = await family.http.post("/appointments", json=wish, headers=mother)
    await family.allow(patientId=own, until=FOREVER)

    confirmed = await family.http.post(f"{visit}/confirm", headers=mother)
    held = await family.http.post("/appointments", json=wish, headers=mother)
    listed = await family.http.get(f"/patients/{family.child}/appointments", headers=mother)
    await family.clinic.becomes(family.visit, "cancelled")
    cancelled = await family.http.post(f"{visit}/cancel", json={}, headers=mother)

    assert (stranger.status_code, stranger.json()["code"]) == (404, "patient_not_found")
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")
    assert (held.status_code, held.json()["code"]) == (409, "already_booked"), "let in to book"
    assert [each["appointmentId"] for each in listed.json()["items"]] == [str(family.visit)]
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


async def test_a_proxy_that_has_ended_counts_no_more_by_the_clock_of_the_database(
    family: Family,
) -> None:
    subject = f"uncle-{uuid4()}"

    proxy = await family.allow(subject=subject, until=FOREVER)
    ended = "UPDATE proxies SET until = '2001-01-01' WHERE id = :id"
    await family.clinic.execute(ended, id=UUID(proxy))
    over = await family.proxy_for(family.by(subject))
    await family.allow(subject=subject, until=FOREVER)

    assert over == []
    assert await family.proxy_for(family.by(subject)) == [str(family.child)]


async def test_who_acts_for_a_merged_record_acts_for_the_one_that_is_kept(family: Family) -> None:
    subject, kept = f"aunt-{uuid4()}", await family.clinic.patient()
    await family.allow(subject=subject)
    aunt = family.by(subject)
    assert await family.proxy_for(aunt) == [str(family.child)]

    path = f"/patients/{family.child}/merge"
    merged = await family.http.post(path, json={"into": str(kept)}, headers=family.manager)

    assert merged.status_code == 200
    assert await family.proxy_for(aunt) == [str(kept)]


async def test_nobody_acts_for_an_erased_patient(family: Family) -> None:
    subject = f"aunt-{uuid4()}"
    await family.allow(subject=subject)
    aunt = family.by(subject)
    await family.clinic.becomes(family.visit, "cancelled")
    assert await family.proxy_for(aunt) == [str(family.child)]

    erased = await family.http.post(f"/patients/{family.child}/erase", headers=family.manager)

    assert erased.status_code == 200
    assert await family.proxy_for(aunt) == []


async def test_an_account_names_the_patient_whose_proxies_count(family: Family) -> None:
    subject, own = f"father-{uuid4()}", await family.clinic.patient()
    await family.clinic.execute(
        "INSERT INTO accounts (issuer, subject, patient_id) VALUES (:issuer, :subject, :own)",
        issuer=family.issuer.url,
        subject=subject,
        own=own,
    )
    await family.allow(patientId=str(own))

    account = await read_by_cursor(
        family.clinic.database, lambda cursor: account_of(cursor, family.issuer.url, subject)
    )

    assert (account.patient_id, account.proxy_for) == (own, frozenset({family.child}))


async def test_the_booking_page_offers_oneself_first_and_those_whom_one_acts_for(
    family: Family, cache_url: str
) -> None:
    own, subject = await family.clinic.patient(), f"mother-{uuid4()}"
    claims = claims_of(subject, own)
    async with aclosing(connect_redis(cache_url, name="test")) as redis:
        key = await Sessions(SessionStore(redis)).begin(claims, "an id token")
    root = str(family.http.base_url).removesuffix("/api/v1/")
    browser = {"cookie": f"{COOKIE}={key}", "origin": root}
    proxy = await family.allow(subject=subject)

    offered = (await family.http.get(f"{root}/", headers=browser)).text
    form = {"patient": str(family.child)}
    chosen = await family.http.post(f"{root}/acting-for", data=form, headers=browser)
    for_child = (await family.http.get(f"{root}/", headers=browser)).text
    visit = (await family.http.get(f"{root}/visits/{family.visit}", headers=browser)).text
    path = f"/patients/{family.child}/proxies/{proxy}"
    await family.http.delete(path, headers=family.manager)
    alone = (await family.http.get(f"{root}/", headers=browser)).text

    assert f'value="{own}" selected' in offered
    assert f'value="{family.child}"' in offered
    assert chosen.status_code == 303
    assert f'value="{family.child}" selected' in for_child
    assert 'action="/visits/' in visit
    assert "/v/" not in visit, "a link would act as the patient after the proxy's end"
    assert str(family.child) not in alone


async def test_a_second_is_long_enough_for_another_process_to_know(family: Family) -> None:
    subject = f"aunt-{uuid4()}"
    aunt = family.by(subject)
    assert await family.proxy_for(aunt) == []
    await family.clinic.execute(
        "INSERT INTO proxies (id, patient_id, subject, created_at)"
        " VALUES (gen_random_uuid(), :child, :subject, clock_timestamp())",
        child=family.child,
        subject=subject,
    )

    found: list[str] = []
    async with asyncio.timeout(20):  # a busy machine hears late; unheard it would be minutes
        while not found:
            found = await family.proxy_for(aunt)

    assert found == [str(family.child)]


async def test_what_was_being_read_when_accounts_were_forgotten_is_not_remembered(
    family: Family, cache_url: str
) -> None:
    database, claims = family.clinic.database, claims_of(f"aunt-{uuid4()}")
    async with aclosing(connect_redis(cache_url, name="test")) as redis:
        tokens = Tokens(Issuer(family.issuer.url), audience=AUDIENCE, role_claim="roles")
        accounts = Accounts(database, family.issuer.url, listens_at=database.url, name="test")
        sign_in = SignIn(accounts, tokens, Sessions(SessionStore(redis)))
        async with database.lend() as writer, writer.transaction():
            await writer.execute("LOCK TABLE proxies")
            reading = asyncio.create_task(sign_in.known(claims))
            await _somebody_waits_for(family.clinic)
            sign_in.forget_accounts()
        before = await reading
        await family.allow(subject=claims.subject)
        after = await sign_in.known(claims)

    assert (before.proxy_for, after.proxy_for) == (frozenset(), frozenset({family.child}))


async def _somebody_waits_for(clinic: Clinic) -> None:
    async with asyncio.timeout(20), clinic.database.connect() as connection:
        while not (await connection.execute(WAITING)).scalar_one():
            pass


def claims_of(subject: str, patient_id: UUID | None = None) -> Claims:
    return Claims(
        subject=subject,
        roles=frozenset({Role.PATIENT}),
        expires_at=0.0,
        patient_id=patient_id,
        practitioner_id=None,
        clinic_ids=frozenset(),
    )
