"""The patient's pages that move a visit, as they come from the server."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.clinic_rules import write_rules
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import DAY, Clinic, at

pytestmark = pytest.mark.unmeasured

A_DAY, TEN_YEARS = parse_duration("P1D"), parse_duration("P10Y")
FREE = re.compile(r'<a class="slot" href="[^"]*at=([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Mover:
    """A patient with a visit at half past nine, at a browser."""

    http: httpx.AsyncClient
    clinic: Clinic
    patient: UUID
    visit: UUID

    @property
    def place(self) -> str:
        return f"/visits/{self.visit}"

    async def shown(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    async def free(self, path: str) -> list[str]:
        """The times of the page that lead on, in UTC."""
        found = FREE.findall(await self.shown(path))
        return [each.replace("%3A", ":")[11:16] for each in found]

    async def moves(self, to: datetime, **form: object) -> str:
        """Where the answer leads."""
        wish = {"version": 2, "doctor": self.clinic.doctor_id, "at": to.isoformat()} | form
        sent = {name: str(value) for name, value in wish.items()}
        answer = await self.http.post(f"{self.place}/move", data=sent)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def ruled(self, rules: ClinicRules) -> None:
        manager = ActorRef(id="m", role=Role.MANAGER)
        await write_rules(self.clinic.database, self.clinic.id, rules, manager)


@pytest.fixture
async def mover(finishing_api: str, clinic: Clinic) -> AsyncIterator[Mover]:
    async with at_a_browser(finishing_api, clinic) as mover:
        yield mover


@pytest.fixture
async def in_vain(api: str, clinic: Clinic) -> AsyncIterator[Mover]:
    """Nobody knows there what becomes of a move."""
    async with at_a_browser(api.removesuffix("/api/v1"), clinic) as mover:
        yield mover


@asynccontextmanager
async def at_a_browser(root: str, clinic: Clinic) -> AsyncIterator[Mover]:
    patient = await clinic.patient()
    await clinic.execute(
        "UPDATE patients SET email = :mail WHERE id = :id",
        mail=f"{patient.hex}@example.org",
        id=patient,
    )
    await clinic.execute("UPDATE clinics SET phone = '+74950000000' WHERE id = :id", id=clinic.id)
    async with httpx.AsyncClient(
        base_url=root,
        timeout=20,
        headers={"accept": "text/html", "accept-language": "en", "origin": root},
        cookies={"patient": str(patient)},
    ) as http:
        visit = await clinic.book(at("09:30"), patient_id=patient)
        yield Mover(http=http, clinic=clinic, patient=patient, visit=visit)


async def test_the_calendar_opens_at_the_visits_day_with_its_own_slot_and_what_is_free(
    mover: Mover,
) -> None:
    await mover.clinic.book(at("10:00"))

    page = await mover.shown(f"{mover.place}/move")

    assert "Your time now: Monday, 14 January, 09:30, Dr Kim." in page
    assert "your time now" in page
    assert page.count("taken</small>") == 1
    assert await mover.free(f"{mover.place}/move") == ["06:00", "07:30"]


async def test_a_time_when_the_patient_is_elsewhere_leads_there(mover: Mover) -> None:
    other = await mover.clinic.hire()
    await mover.clinic.on_duty(at("10:00"), at("11:00"), doctor_id=other)
    busy = await mover.clinic.book(at("10:00"), doctor_id=other, patient_id=mover.patient)

    page = await mover.shown(f"{mover.place}/move")

    assert f'<a class="slot own" href="/visits/{busy}"' in page
    assert await mover.free(f"{mover.place}/move") == ["06:00", "07:30"]


async def test_the_days_go_on_and_back_by_fortnights_but_not_before_today(mover: Mover) -> None:
    page = await mover.shown(f"{mover.place}/move?date={DAY}")
    earlier, later = re.findall(r'href="\?doctor=[^"]*date=([0-9-]+)">(?:Earlier|Later) days', page)
    today = await mover.shown(f"{mover.place}/move?date=2020-01-01")

    assert earlier < str(DAY) < later
    assert "Later days" in today
    assert "Earlier days" not in today
    assert "no times on these days" in today


async def test_another_doctor_of_the_specialty_may_be_chosen_and_none_of_another(
    mover: Mover,
) -> None:
    same, other = await mover.clinic.hire(), await mover.clinic.hire(specialty="oculist")
    await mover.clinic.on_duty(at("12:00"), at("13:00"), doctor_id=same)

    page = await mover.shown(f"{mover.place}/move")
    of_same = await mover.free(f"{mover.place}/move?doctor={same}&date={DAY}")

    assert f'href="?doctor={same}"' in page
    assert str(other) not in page
    assert of_same == ["09:00", "09:30"]
    for nobody in (other, uuid4()):
        await mover.shown(f"{mover.place}/move?doctor={nobody}", status=404)
        wish = {"version": "2", "doctor": str(nobody), "at": at("10:00").isoformat()}
        assert (await mover.http.post(f"{mover.place}/move", data=wish)).status_code == 404


async def test_old_and_new_are_looked_at_once_more_before_the_one_button(mover: Mover) -> None:
    asked = f"doctor={mover.clinic.doctor_id}&at=2030-01-14T07:00:00Z"

    page = await mover.shown(f"{mover.place}/move/to?{asked}")

    assert "Move to this time?" in page
    assert re.findall(r'"whole">(\d\d:\d\d).(\d\d:\d\d)<', page) == [
        ("10:00", "10:30"),
        ("09:30", "10:00"),
    ]
    form = dict(re.findall(r'name="(version|doctor|at)" value="([^"]+)"', page))
    assert form == {
        "version": "2",
        "doctor": str(mover.clinic.doctor_id),
        "at": "2030-01-14T07:00:00Z",
    }
    assert await mover.moves(at("10:00"), **form) == f"{mover.place}?note=moved"


async def test_a_move_whose_end_nobody_knows_is_said_to_be_so(in_vain: Mover) -> None:
    assert await in_vain.moves(at("10:00")) == f"{in_vain.place}?note=unavailable"


@pytest.mark.parametrize("is_asked", [True, False])
async def test_a_time_that_was_lost_is_said_in_place_with_the_nearest_and_the_old_is_kept(
    is_asked: bool,  # noqa: FBT001 - the case
    mover: Mover,
) -> None:
    """Before the button, or by it."""
    await mover.clinic.book(at("10:00"))
    look = f"{mover.place}/move/to?doctor={mover.clinic.doctor_id}&at=2030-01-14T07:00:00Z"

    back = (
        await mover.moves(at("10:00"))
        if is_asked
        else (await mover.http.get(look)).headers["location"]
    )
    page = await mover.shown(back)

    assert "10:00 is no longer available. Your old time is kept." in page
    offers = re.findall(
        r'<li><a class="button" href="[^"]*"[^>]*>Mon, 14 Jan, (\d\d:\d\d)</a>', page
    )
    assert offers == ["09:00", "10:30"]
    assert "Your appointment is booked" in await mover.shown(mover.place)


async def test_what_stands_in_the_way_of_a_move_is_named(mover: Mover) -> None:
    other = await mover.clinic.hire()
    await mover.clinic.on_duty(at("10:00"), at("11:00"), doctor_id=other)
    busy = await mover.clinic.book(at("10:00"), doctor_id=other, patient_id=mover.patient)

    back = await mover.moves(at("10:00"))
    page = await mover.shown(back)

    assert "You have another appointment at that time. Your old time is kept." in page
    assert f'href="/visits/{busy}">View that appointment' in page


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (ClinicRules(book_notice=TEN_YEARS), "too soon to be booked online"),
        (ClinicRules(horizon=A_DAY), "too far ahead to be booked online"),
    ],
)
async def test_a_rule_about_the_new_time_is_said_with_the_phone(
    rules: ClinicRules, words: str, mover: Mover
) -> None:
    await mover.ruled(rules)

    back = await mover.moves(at("10:00"))
    page = await mover.shown(back)

    assert parse_qs(urlsplit(back).query)["note"] == ["rule"]
    assert words in page
    assert 'href="tel:+74950000000"' in page
    assert "Nearby times" not in page


@pytest.mark.parametrize(
    "rules", [ClinicRules(move_notice=TEN_YEARS), ClinicRules(max_moves=0)], ids=["notice", "moves"]
)
async def test_a_visit_that_may_not_be_moved_says_why_before_one_tries(
    rules: ClinicRules, mover: Mover
) -> None:
    await mover.ruled(rules)
    look = f"{mover.place}/move/to?doctor={mover.clinic.doctor_id}&at=2030-01-14T07:00:00Z"

    places = [
        (await mover.http.get(path)).headers["location"] for path in (f"{mover.place}/move", look)
    ]
    refused = await mover.moves(at("10:00"))
    page = await mover.shown(refused)

    assert places == [mover.place, mover.place]
    assert refused == f"{mover.place}?note=rule"
    assert "/move" not in page
    assert page.count('href="tel:+74950000000"') == 3  # the note, the rule, the facts
    assert "Call the clinic." in page


async def test_the_moves_that_are_left_are_told(mover: Mover) -> None:
    await mover.ruled(ClinicRules(max_moves=2))

    assert "You can move it 2 more times." in await mover.shown(mover.place)


async def test_a_page_of_an_older_version_moves_nothing(mover: Mover) -> None:
    back = await mover.moves(at("10:00"), version=1)

    assert back == f"{mover.place}?note=changed"
    assert "Nothing was done" in await mover.shown(back)


async def test_nobody_elses_visit_is_moved(mover: Mover) -> None:
    strange = await mover.clinic.book(at("10:30"))
    asked = f"?doctor={mover.clinic.doctor_id}&at=2030-01-14T07:00:00Z"
    wish = {"version": "2", "doctor": str(mover.clinic.doctor_id), "at": at("10:00").isoformat()}

    for path in ("/move", f"/move/to{asked}"):
        await mover.shown(f"/visits/{strange}{path}", status=404)
    assert (await mover.http.post(f"/visits/{strange}/move", data=wish)).status_code == 404


async def test_a_form_of_another_site_moves_nothing(mover: Mover) -> None:
    wish = {"version": "2", "doctor": str(mover.clinic.doctor_id), "at": at("10:00").isoformat()}

    answer = await mover.http.post(
        f"{mover.place}/move", data=wish, headers={"origin": "https://evil.example"}
    )

    assert answer.status_code == 403


async def test_my_visits_say_what_may_be_done_with_each_and_until_when(mover: Mover) -> None:
    free = await mover.shown("/visits")
    await mover.ruled(ClinicRules(move_notice=A_DAY, cancel_notice=parse_duration("PT2H")))
    ruled = await mover.shown("/visits")
    await mover.clinic.hold(at("10:00"), patient_id=mover.patient)
    with_hold = await mover.shown("/visits")

    assert "You can move or cancel it online until it starts." in free
    assert f'href="{mover.place}/move"' in free
    assert f'href="{mover.place}#cancel"' in free
    assert "move this appointment online until 13 January, 09:30" in ruled
    assert "cancel this appointment online until 14 January, 07:30" in ruled
    assert "You have 10 more minutes to confirm it." in with_hold


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("arrived", "The clinic knows that you have arrived."),
        ("completed", "You attended this appointment."),
        ("no_show", "The clinic noted that you did not come. If that is wrong, call the clinic."),
    ],
)
async def test_what_became_of_a_visit_is_said_on_its_page_and_in_the_list(
    status: str, words: str, mover: Mover
) -> None:
    await mover.clinic.becomes(mover.visit, status)

    assert words in await mover.shown(mover.place)
    assert words in await mover.shown("/visits")


async def test_the_patient_reads_the_history_of_the_visit(mover: Mover) -> None:
    other = await mover.clinic.hire()
    await mover.clinic.on_duty(at("12:00"), at("13:00"), doctor_id=other)
    for doctor, start, end in (
        (mover.clinic.doctor_id, "10:00", "10:30"),
        (other, "12:00", "12:30"),
    ):
        await mover.clinic.execute(
            "UPDATE schedules SET doctor_id = :doctor, starts_at = :start, ends_at = :end"
            " WHERE id = :id",
            doctor=doctor,
            start=at(start),
            end=at(end),
            id=mover.visit,
        )
    await mover.clinic.becomes(mover.visit, "cancelled")

    page = await mover.shown(mover.place)

    story = [" ".join(each.split()) for each in re.findall(r"<br>\n([^<]+)\n<span", page)]
    assert story[-5:] == [
        "The time was held.",
        "The appointment was confirmed.",
        "The appointment was moved to Monday, 14 January, 10:00.",
        "The appointment was moved to another doctor: Monday, 14 January, 12:00.",
        "The appointment was cancelled.",
    ]
    assert page.count("By the clinic.") == 5  # a hand in the database
