"""What a patient's page says of a visit is so: how it was told, what can be done, what was done."""

import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.messages.visit import Kind
from adapters.postgres.consents import Channel, channels_of
from adapters.postgres.seeing import EVERYBODY
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.import_office import Office, a_row
from tests.integration.test_link_pages import form_of, link_of, opened

NOTE = re.compile(r'class="note[^"]*" role="status"')


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    root = api.removesuffix("/api/v1")
    headers = {"accept": "text/html", "accept-language": "en", "origin": root}
    async with httpx.AsyncClient(base_url=root, timeout=20, headers=headers) as client:
        yield client


async def a_patient(clinic: Clinic, *, has_email: bool = True, has_phone: bool = True) -> UUID:
    patient_id = uuid4()
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email)"
        " VALUES (:id, 'Ada Byron', :phone, :mail)",
        id=patient_id,
        mail=f"{patient_id.hex}@example.org" if has_email else None,
        phone=f"+7{patient_id.int % 10**10:010}" if has_phone else None,
    )
    return patient_id


async def own_page(http: httpx.AsyncClient, patient: UUID, visit: UUID, note: str = "") -> str:
    http.cookies.set("patient", str(patient))
    answer = await http.get(f"/visits/{visit}{note}")
    assert answer.status_code == 200, answer.text
    return answer.text.replace("&#39;", "'")


async def moves_to(clinic: Clinic, visit: UUID, begins: str, ends: str) -> None:
    await clinic.execute(
        "UPDATE schedules SET starts_at = :at, ends_at = :ends WHERE id = :id",
        id=visit,
        at=at(begins),
        ends=at(ends),
    )


async def says(clinic: Clinic, patient: UUID, **consents: str) -> None:
    for channel, consent in consents.items():
        await clinic.execute(
            "INSERT INTO consents (patient_id, kind, channel, consent)"
            " VALUES (:id, 'confirmed', :channel, :consent)",
            id=patient,
            channel=channel,
            consent=consent,
        )


@pytest.mark.parametrize(
    ("consents", "said"),
    [
        ({}, "We've sent a confirmation by email and text."),
        ({"email": "withdrawn"}, "We've sent a confirmation by text."),
        ({"sms": "fallback"}, "We've sent a confirmation by email."),
        (
            {"sms": "withdrawn", "email": "withdrawn"},
            "Note down when it is, or add it to your calendar.",
        ),
    ],
)
async def test_a_confirmation_is_said_to_be_sent_only_by_what_it_is_sent_by(
    http: httpx.AsyncClient, clinic: Clinic, consents: dict[str, str], said: str
) -> None:
    patient = await a_patient(clinic)
    await says(clinic, patient, **consents)
    visit = await clinic.book(at("09:30"), patient_id=patient)

    assert f">{said}<" in await own_page(http, patient, visit)


async def test_who_can_be_reached_by_one_channel_is_told_by_it(clinic: Clinic) -> None:
    by_phone = await a_patient(clinic, has_email=False)
    by_nothing = await a_patient(clinic, has_email=False, has_phone=False)
    await says(clinic, by_phone, sms="fallback")

    async with clinic.database.connect(EVERYBODY) as connection:
        told = [
            await channels_of(connection, each, Kind.CONFIRMED) for each in (by_phone, by_nothing)
        ]

    assert told == [{Channel.SMS}, set()]


async def test_of_what_a_file_says_no_confirmation_is_said_to_be_sent(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    """Of what is changed here since, one is: also where a file has changed it before."""
    office, mail = Office(clinic), f"{uuid4().hex}@example.org"
    row = {"patient_email": mail}
    await office.take(office.file(a_row(1, **row)))
    [visit] = await office.visits()

    pages = [await own_page(http, visit["patient_id"], visit["id"])]
    await office.take(office.file(a_row(1, "09:30", "10:00", **row)))
    pages.append(await own_page(http, visit["patient_id"], visit["id"]))
    await moves_to(clinic, visit["id"], "10:00", "10:30")
    moved_here = await own_page(http, visit["patient_id"], visit["id"])
    await office.take(office.file(a_row(1, "10:30", "11:00", **row)))
    pages.append(await own_page(http, visit["patient_id"], visit["id"]))

    assert ["09:00" in pages[0], "09:30" in pages[1], "10:30" in pages[2]] == [True] * 3
    assert ["sent a confirmation" in page for page in pages] == [False] * 3
    assert "sent a confirmation" in moved_here


async def test_who_has_arrived_early_is_shown_no_button_that_would_be_refused(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    patient = await a_patient(clinic)
    visit = await clinic.book(at("09:30"), patient_id=patient)
    await clinic.becomes(visit, "arrived")

    page = await own_page(http, patient, visit)
    by_link = await opened(http, link_of(visit))

    assert "The clinic knows that you have arrived." in page
    assert f"/visits/{visit}/cancel" not in page
    assert "visit.ics" not in page
    assert "The clinic knows that you have arrived." in by_link
    assert "older state" not in by_link


async def test_who_presses_twice_reads_what_the_first_time_has_done(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    moved, cancelled = await clinic.book(at("09:00")), await clinic.book(at("09:30"))
    to_move = await form_of(http, link_of(moved)) | {
        "action": "move",
        "at": at("10:00").isoformat(),
    }
    to_cancel = await form_of(http, link_of(cancelled)) | {"action": "cancel"}
    await moves_to(clinic, moved, "10:00", "10:30")
    await clinic.becomes(cancelled, "cancelled")

    again = await http.post(link_of(moved), data=to_move)
    elsewhere = await http.post(link_of(moved), data=to_move | {"at": at("10:30").isoformat()})
    once_more = await http.post(link_of(cancelled), data=to_cancel)

    assert "Your appointment is moved." in again.text
    assert "This page shows how things are now." in elsewhere.text
    assert "This appointment had already been cancelled." in once_more.text
    assert "This page shows how things are now." not in again.text + once_more.text
    assert {each.status_code for each in (again, elsewhere, once_more)} == {409}


async def test_an_address_opened_again_later_says_nothing_that_is_no_more_so(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    patient = await a_patient(clinic)
    visit = await clinic.book(at("09:30"), patient_id=patient)
    link, booked = link_of(visit), f"/reception?clinic={clinic.id}&date={DAY}&note=booked&about="

    unsaid = [await opened(http, f"{link}?said={said}") for said in ("promised", "cancel")]
    await clinic.becomes(visit, "cancelled")
    later = [await opened(http, f"{link}?said={said}") for said in ("promised", "move", "cancel")]
    own = await own_page(http, patient, visit, "?note=moved")
    desk = (await http.get(f"{booked}{visit}")).text

    assert [bool(NOTE.search(each)) for each in (*unsaid, *later)] == [False] * 4 + [True]
    assert "Your appointment is moved." not in own
    assert "Booked: Ada Byron" not in desk
    assert "To read out:" not in desk
    assert "This appointment had already been cancelled." in desk
