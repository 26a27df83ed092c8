"""No page is a burden on a slow line, however much the clinic has; what is cut leads on."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from adapters.postgres.database import Database
from api.routes.visit_pages import MOST_AHEAD, MOST_BEHIND
from domain.visit_links import link_key, link_to, token_of
from tests.integration.audit_rows import scratch_database
from tests.integration.conftest import SECRET, serving
from tests.pages import all_pages

pytestmark = pytest.mark.unmeasured

MOST = 100_000
"""Bytes of a document as it is before it is zipped; a tenth of them goes over the line."""
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenkasse "
DOCTORS, CLINICS, SPECIALTIES, BEHIND, AHEAD = 1_000, 300, 120, 200, 140

# The trigger reads all zones for each clinic.
CROWD = """
SET statement_timeout = 0;
ALTER TABLE clinics DISABLE TRIGGER USER;
INSERT INTO clinics (id, name, address, time_zone) VALUES (:clinic, :long, :long, 'Europe/Moscow');
INSERT INTO clinics (id, name, address, time_zone)
    SELECT gen_random_uuid(), :long || n, :long || n, 'Europe/Moscow'
    FROM generate_series(2, :clinics) n;
INSERT INTO patients (id, full_name, phone, email)
    SELECT CASE n WHEN 1 THEN :patient ELSE gen_random_uuid() END, :long || n, '+7000' || n,
        n || '@example.org' FROM generate_series(1, 50) n;
INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id, slot_minutes)
    SELECT id, id, :long || n, :long || n % :specialties, :clinic, 10 + 5 * (n % 2)
    FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(2, :doctors) n) many;
INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id, slot_minutes)
    VALUES (:doctor, :doctor, :long, :long || 0, :clinic, 5);
INSERT INTO shifts (doctor_id, during)
    SELECT id, tstzrange(day + interval '6 hours', day + interval '20 hours')
    FROM doctors, date_trunc('day', now() + interval '1 day') first,
        generate_series(first, first + interval '13 days', '1 day') day
    WHERE day < first + interval '2 days' OR id = :doctor;
INSERT INTO shifts (doctor_id, during)
    SELECT :doctor, tstzrange(day, day + interval '20 hours')
    FROM date_trunc('day', now() - interval '30 days') day;
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, confirmed_at)
    SELECT gen_random_uuid(), :patient, :doctor, at, at + interval '5 minutes', 'confirmed', now()
    FROM generate_series(1, :behind) n, LATERAL (SELECT
        date_trunc('day', now() - interval '30 days') + n * interval '5 minutes' AS at) begins;
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, confirmed_at)
    SELECT gen_random_uuid(), :patient, :doctor, at, at + interval '5 minutes', 'confirmed', now()
    FROM generate_series(1, :ahead) n, LATERAL (SELECT
        date_trunc('day', now()) + interval '30 hours' + n * interval '5 minutes' AS at) begins;
INSERT INTO services (id, clinic_id, specialty, name, minutes)
    SELECT CASE n WHEN 1 THEN :service ELSE gen_random_uuid() END, :clinic, :long, :long || n, 30
    FROM generate_series(1, 200) n;
INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)
    SELECT CASE n WHEN 1 THEN :campaign ELSE gen_random_uuid() END, :clinic, :doctor, 'remove',
        localtimestamp + n * interval '1 day', localtimestamp + n * interval '2 days', 'training'
    FROM generate_series(1, 100) n;
INSERT INTO campaigns (id, clinic_id, doctor_id, exception_id, digest, policy)
    VALUES (:campaign, :clinic, :doctor, :campaign, '-', 'call_list');
INSERT INTO campaign_visits (campaign_id, appointment_id, doctor_id, starts_at, state)
    SELECT :campaign, id, doctor_id, starts_at, 'without_contact' FROM schedules
    WHERE starts_at > now();
INSERT INTO imports (id, clinic_id, kind, dry_run, actor, done_at, report)
    VALUES (:imported, :clinic, 'text/csv', true, '-', now(), (
        SELECT jsonb_build_object('rows', 20000, 'created', 0, 'changed', 0, 'same', 0,
            'refused', jsonb_agg(jsonb_build_object('line', n, 'reason', 'doctor: is missing')),
            'overlaps', jsonb_agg(jsonb_build_object('line', n, 'appointmentId', :campaign)))
        FROM generate_series(1, 10000) n));
"""
BOOKED = "SELECT id, version, ends_at FROM schedules WHERE starts_at > now() ORDER BY 3 LIMIT 1"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """A thousand doctors of one clinic of hundreds, all of them with long names."""

    http: httpx.AsyncClient
    clinic: UUID
    doctor: UUID
    patient: UUID
    service: UUID
    campaign: UUID
    imported: UUID
    booked: UUID
    token: str

    async def shown(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, path
        return unescape(answer.text)

    async def whole(self, path: str, thing: str, *, further: str) -> list[str]:
        """What a list names, from page to page, as its links lead."""
        found, links = list[str](), [path]
        while links:
            page = await self.shown(links[0])
            found += [each for each in re.findall(thing, page) if each not in found]
            links = re.findall(f'href="([^"]*[?&]{further}=[^"]*)"', page)
        return found


@pytest.fixture(scope="module")
async def crowd(clinic_database: Database, cache_url: str) -> AsyncIterator[Crowd]:
    names = ("clinic", "doctor", "patient", "service", "campaign", "imported")
    keys = {name: uuid4() for name in names}
    counts = {"doctors": DOCTORS, "clinics": CLINICS, "specialties": SPECIALTIES}
    given = {**keys, **counts, "behind": BEHIND, "ahead": AHEAD, "long": LONG}
    async with scratch_database(clinic_database) as database:
        async with database.connect() as connection:
            for statement in CROWD.strip().removesuffix(";").split(";"):
                used = {name: given[name] for name in given if f":{name}" in statement}
                await connection.execute(text(statement), used)
            found = await connection.execute(text(BOOKED))
            booked = found.one()
        link = link_to(booked.id, booked.version, booked.ends_at)
        token = token_of(link_key(SECRET), link)
        async with (
            serving(database, cache_url, rate_limit="off") as url,
            httpx.AsyncClient(
                base_url=url.removesuffix("/api/v1"),
                headers={"accept": "text/html", "accept-encoding": "identity"},
                cookies={"patient": str(keys["patient"])},
                timeout=60,
            ) as http,
        ):
            yield Crowd(http=http, **keys, booked=booked.id, token=token)


async def test_no_page_is_larger_than_a_slow_line_can_bear(crowd: Crowd) -> None:
    seen = (await crowd.http.get(f"/api/v1/doctors/{crowd.doctor}")).json()
    free = seen["nextFree"]
    shown = {"name": "Donau", "day": free[:10], "free": free, "nothing": uuid4()}
    paths = all_pages(**vars(crowd), **shown, held=crowd.booked, other=uuid4())

    answers = {path: await crowd.http.get(path) for path in paths}

    assert {
        path: len(each.content) for path, each in answers.items() if len(each.content) > MOST
    } == {}
    assert {path for path, each in answers.items() if each.status_code != 200} == {
        "/record",  # nobody signs in here
        f"/visits/{shown['nothing']}",
    }


@pytest.mark.parametrize(
    ("page", "thing", "further", "count"),
    [
        ("/", r'class="pill quiet" href="/\?clinic=([^"&]+)"', "clinics", CLINICS),
        ("/", r'class="pill" href="/\?specialty=([^"&]+)"', "specialties", SPECIALTIES),
        ("/reception", r'<option value="([0-9a-f-]{36})"', "clinics", CLINICS),
        ("/reception", r'class="pill" [^>]*specialty=([^"&]+)', "specialties", SPECIALTIES),
        ("/reception/times", r'<option value="([0-9a-f-]{36})"', "clinics", CLINICS),
        ("/reception/times", rf'<option value="({LONG}[^"]*)"', "specialties", SPECIALTIES),
        ("/visits", r'href="/visits/([0-9a-f-]{36})"', "earlier", BEHIND),
        ("/visits", r'href="/visits/([0-9a-f-]{36})"', "later", AHEAD),
    ],
)
async def test_a_list_that_is_cut_leads_to_the_rest(
    page: str, thing: str, further: str, count: int, crowd: Crowd
) -> None:
    at = f"{page}?clinic={crowd.clinic}" if page == "/reception" else page

    found = await crowd.whole(at, thing, further=further)

    beside = {"earlier": MOST_AHEAD, "later": MOST_BEHIND}.get(further, 0)
    assert len(found) == count + beside


async def test_the_reception_leads_from_doctors_to_doctors(crowd: Crowd) -> None:
    seen = await crowd.http.get(f"/api/v1/doctors/{crowd.doctor}")
    first = f"/reception?clinic={crowd.clinic}&date={seen.json()['nextFree'][:10]}"
    columns = re.compile(r'<th scope="col" id="d([0-9a-f-]{36})"')

    page = await crowd.shown(first)
    [further] = re.findall(r'class="button" href="(/reception\?[^"]*after=[^"]*)"', page)
    others = columns.findall(await crowd.shown(further))

    named = [*columns.findall(page), *others]
    assert columns.findall(page)[0] == str(crowd.doctor)
    assert len(others) > 1
    assert len(named) == len(set(named))


async def test_a_clinic_far_down_the_list_is_named_where_it_was_chosen(crowd: Crowd) -> None:
    thing = r'<option value="([0-9a-f-]{36})"'
    last = (await crowd.whole("/reception/times", thing, further="clinics"))[-1]

    desk = await crowd.shown(f"/reception?clinic={last}")
    home = await crowd.shown(f"/?clinic={last}")
    nowhere = await crowd.shown(f"/?clinic={uuid4()}")

    assert f'<option value="{last}" selected' in desk
    assert f'href="/?clinic={last}" aria-current="true"' in home
    assert "No doctors match your choice" in nowhere
