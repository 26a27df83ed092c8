"""The page behind a link in a message, as a patient and as a mail scanner open it."""

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.promise import promise
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from domain.visit_links import VisitLink, link_key, token_of
from tests.clinic_rows import DAY, Clinic, at

pytestmark = pytest.mark.unmeasured

KEY = link_key(b"x" * 32)
UNTIL = date(2030, 1, 15)
HTML = {"accept": "text/html", "accept-language": "en"}


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, timeout=20, headers=HTML) as client:
        yield client


@pytest.fixture
async def settled(finishing_api: str) -> AsyncIterator[httpx.AsyncClient]:
    """Where it is known whether a move is under way: before that none is refused."""
    async with httpx.AsyncClient(base_url=finishing_api, timeout=20, headers=HTML) as client:
        yield client


def link_of(appointment_id: UUID, version: int = 2, until: date = UNTIL) -> str:
    link = VisitLink(appointment_id=appointment_id, version=version, until=until)
    return f"/v/{token_of(KEY, link)}"


async def opened(http: httpx.AsyncClient, link: str) -> str:
    answer = await http.get(link)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


async def form_of(http: httpx.AsyncClient, link: str) -> dict[str, str]:
    """What a form of the page sends with it."""
    page = await opened(http, link)
    return {"form": re.findall(r'name="form" value="([^"]+)"', page)[0]}


async def row(clinic: Clinic, appointment_id: UUID) -> tuple[str, int, str | None]:
    async with clinic.database.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT status, version, attendance FROM schedules WHERE id = %s", (appointment_id,)
        )
        seen = found.mappings().one()
    return seen["status"], seen["version"], seen["attendance"]


async def test_the_page_says_when_where_and_what_and_names_nobody(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))

    page = await opened(http, link_of(visit))

    for said in ("09:30", "10:00", "Street 1", "Clinic", "urgeon"):
        assert said in page
    assert "Dr Kim" not in page
    assert "I am coming" in page


async def test_a_scanner_that_opens_every_link_twice_changes_nothing(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    page = await opened(http, link_of(visit))
    for place in re.findall(r'(?:href|action)="([^"]+)"', page) * 2:
        await http.get(place)

    assert await row(clinic, visit) == ("confirmed", 2, None)


async def test_a_promise_is_kept_on_the_row_and_leaves_its_version(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    form = await form_of(http, link)

    for _ in range(2):
        answer = await http.post(link, data={"action": "promise"} | form)
        assert answer.status_code == 303
    told = await opened(http, answer.headers["location"])

    assert "Thank you" in told
    assert await row(clinic, visit) == ("confirmed", 2, "promised")


async def test_a_promise_is_in_the_trail_and_no_version_of_the_history(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    await http.post(link, data={"action": "promise"} | await form_of(http, link))

    history = (await http.get(f"/api/v1/appointments/{visit}/history")).json()["items"]
    trail = (await http.get("/api/v1/audit", params={"object": str(visit)})).json()["items"]

    assert [each["action"] for each in history] == ["hold", "confirm"]
    assert {("promise", "patient")} <= {(each["action"], each["role"]) for each in trail}


async def test_whatever_else_changes_with_a_promise_is_a_new_version(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:30"))
    await clinic.execute(
        "UPDATE schedules SET attendance = 'promised', reason = 'other' WHERE id = :id", id=visit
    )

    assert (await row(clinic, visit))[1] == 3


async def test_a_link_of_an_older_version_shows_what_is_true_and_can_do_nothing(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    form = await form_of(http, link)
    await clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
        id=visit,
        start=at("10:30"),
        end=at("11:00"),
    )

    page = await opened(http, link)
    answers = [
        await http.post(link, data={"action": action} | form)
        for action in ("promise", "cancel", "move")
    ]

    assert "10:30" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert await row(clinic, visit) == ("confirmed", 3, None)


async def test_a_form_of_no_page_and_an_unknown_action_are_refused(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    other = await form_of(http, link_of(await clinic.book(at("10:30"))))

    bare = await http.post(link, data={"action": "cancel"})
    strange = await http.post(link, data={"action": "cancel"} | other)
    unknown = await http.post(link, data={"action": "go"} | await form_of(http, link))

    assert [bare.status_code, strange.status_code, unknown.status_code] == [403, 403, 422]
    assert await row(clinic, visit) == ("confirmed", 2, None)


async def test_what_is_forged_has_ended_or_leads_nowhere_is_no_page(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    forged = link_of(visit)[:-1] + "!"
    ended = link_of(visit, until=date.today() - timedelta(days=2))  # noqa: DTZ011 - two days are enough

    for bad in (forged, ended, link_of(uuid4()), "/v/x"):
        assert (await http.get(bad)).status_code == 404
        assert (await http.post(bad, data={"action": "cancel"})).status_code == 404


async def test_other_times_are_offered_and_a_lost_one_is_said_in_place(
    settled: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    form = await form_of(settled, link)
    await clinic.book(at("10:00"))

    chosen = await settled.post(link, data={"action": "move"} | form)
    at_ten = at("10:00").isoformat()
    lost = await settled.post(link, data={"action": "move", "at": at_ten} | form)

    assert chosen.status_code == 200
    assert re.findall(r"> [^<]*, (\d\d:\d\d)</label>", chosen.text) == ["09:00", "10:30"]
    assert lost.status_code == 409
    assert "Your old time is kept" in lost.text
    assert await row(clinic, visit) == ("confirmed", 2, None)


async def test_a_visit_to_a_service_is_offered_times_that_are_long_enough(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:00"))
    await clinic.execute(
        "UPDATE schedules SET service_id = :service, ends_at = :end WHERE id = :id",
        service=uuid4(),
        end=at("10:00"),
        id=visit,
    )
    await clinic.book(at("10:30"))
    form = {"action": "move"} | await form_of(http, link_of(visit, version=3))

    chosen = await http.post(link_of(visit, version=3), data=form)

    assert re.findall(r"> [^<]*, (\d\d:\d\d)</label>", chosen.text) == ["09:30"]


async def test_a_cancellation_never_moves(http: httpx.AsyncClient, clinic: Clinic) -> None:
    """Not even where a time is sent with it: to move to one that is taken would be refused."""
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)
    await clinic.book(at("10:00"))
    form = {"action": "cancel", "at": at("10:00").isoformat()} | await form_of(http, link)

    answer = await http.post(link, data=form)

    assert answer.status_code == 303


async def test_the_patients_own_page_leads_to_where_the_visit_is_moved(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    async with clinic.database.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT patient_id FROM schedules WHERE id = %s", (visit,)
        )
        patient = found.scalar_one()

    await clinic.execute("UPDATE patients SET email = 'one@example.org' WHERE id = :id", id=patient)
    http.cookies.set("patient", str(patient))
    page = await http.get(f"/visits/{visit}")

    assert f'href="/visits/{visit}/move"' in page.text


async def test_the_whole_calendar_is_behind_the_link_and_names_nobody(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    """Nor does it tell of another visit of the patient: that time is taken."""
    patient = await clinic.patient()
    visit = await clinic.book(at("09:30"), patient_id=patient)
    other = await clinic.hire()
    await clinic.on_duty(at("10:00"), at("11:00"), doctor_id=other)
    await clinic.book(at("10:30"), doctor_id=other, patient_id=patient)
    link = link_of(visit)

    days = await opened(http, f"{link}/times?date={DAY}")
    [at_nine, at_ten] = [
        unescape(each) for each in re.findall(r'class="slot" href="([^"]+)"', days)
    ]
    asked = await opened(http, at_ten)
    form = dict(re.findall(r'name="(form|action|at)" value="([^"]+)"', asked))
    answer = await http.post(link, data=form)

    assert "Dr Kim" not in days + asked
    assert "your time now" in days
    assert days.count("taken</small>") == 1
    assert "/visits/" not in days.partition("<main")[2]
    assert "New time" in asked
    assert at_nine.endswith("?to=2030-01-14T06%3A00%3A00Z")
    assert form["action"] == "move"
    assert answer.headers["location"] == f"{link}?said=unavailable"  # nobody runs it here


async def test_a_link_that_can_move_nothing_has_no_calendar(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    stale = link_of(visit, version=1)

    answer = await http.get(f"{stale}/times")
    page = await opened(http, f"{stale}?to={at('10:00').isoformat().replace('+', '%2B')}")

    assert answer.headers["location"] == stale
    assert "New time" not in page


async def test_a_time_too_soon_by_the_clinics_rule_is_said_so(
    settled: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    rules = ClinicRules(horizon=parse_duration("P1D"))
    await write_rules(clinic.database, clinic.id, rules, ActorRef(id="m", role=Role.MANAGER))
    link = link_of(visit)
    form = {"action": "move", "at": at("10:00").isoformat()} | await form_of(settled, link)

    answer = await settled.post(link, data=form)

    assert answer.status_code == 409
    assert "too far ahead to be booked online" in answer.text


async def test_a_command_that_is_not_answered_in_time_is_said_so(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    """Nobody answers for Temporal here."""
    visit = await clinic.book(at("09:30"))
    link = link_of(visit)

    answer = await http.post(link, data={"action": "cancel"} | await form_of(http, link))

    assert answer.status_code == 303
    assert "did not get an answer" in await opened(http, answer.headers["location"])


async def test_a_visit_that_is_over_or_cancelled_is_shown_as_it_is(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    await clinic.becomes(visit, "cancelled")

    assert "Your appointment is cancelled" in await opened(http, link_of(visit))


async def test_nobody_is_thanked_for_a_promise_to_a_visit_that_has_changed(clinic: Clinic) -> None:
    visit, patient = await clinic.book(at("09:30")), ActorRef(id=str(uuid4()), role=Role.PATIENT)

    assert await promise(clinic.database, visit, 2, patient)
    assert await promise(clinic.database, visit, 2, patient)
    assert not await promise(clinic.database, visit, 1, patient)


async def test_the_page_says_the_rule_before_one_tries(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:30"))
    manager = ActorRef(id="m", role=Role.MANAGER)
    long, short = parse_duration("P10Y"), parse_duration("P1D")

    await write_rules(
        clinic.database, clinic.id, ClinicRules(cancel_notice=short, move_notice=short), manager
    )
    in_time = await opened(http, link_of(visit))
    await write_rules(
        clinic.database, clinic.id, ClinicRules(cancel_notice=long, move_notice=long), manager
    )
    too_late = await opened(http, link_of(visit))
    await write_rules(clinic.database, clinic.id, ClinicRules(max_moves=0), manager)
    no_moves = await opened(http, link_of(visit))

    assert "move this appointment online until 13 January, 09:30" in in_time
    assert "cancel this appointment online until 13 January, 09:30" in in_time
    assert "Yes, cancel it" in in_time
    assert "too late to move this appointment online" in too_late
    assert "too late to cancel this appointment online" in too_late
    assert "Yes, cancel it" not in too_late
    assert "Choose another time" not in too_late + no_moves
    assert "cannot move this appointment online any more" in no_moves
