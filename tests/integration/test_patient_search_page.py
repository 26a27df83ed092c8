"""The patient's first page finds times by day and clock, and says when a list is not whole."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from api.page.directory import AT_MOST, TIMES
from tests.clinic_rows import Clinic

MOSCOW = ZoneInfo("Europe/Moscow")
OFFERED = re.compile(r'action="/book/([0-9a-f-]{36})".*?name="at" value="([^"]+)"', re.DOTALL)
LATER = re.compile(r'class="button" href="(/\?[^"]*cursor=[^"]*)"')


@pytest.fixture
def root(api: str) -> str:
    return api.removesuffix("/api/v1")


@pytest.fixture
async def week(clinic: Clinic) -> Clinic:
    """From today on eight to twenty for seven days."""
    today = datetime.now(MOSCOW).replace(hour=8, minute=0, second=0, microsecond=0)
    for ahead in range(1, 8):
        begins = (today + timedelta(days=ahead)).astimezone(UTC)
        await clinic.on_duty(begins, begins + timedelta(hours=12))
    return clinic


async def shown(url: str) -> str:
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=20) as http:
        answer = await http.get(url)
    assert answer.status_code == 200
    return answer.text.replace("&amp;", "&")


def offered(page: str) -> list[tuple[UUID, datetime]]:
    found = OFFERED.findall(page)
    return [(UUID(doctor), datetime.fromisoformat(at).astimezone(MOSCOW)) for doctor, at in found]


async def test_evenings_of_chosen_days_are_offered_soonest_first_page_by_page(
    week: Clinic, root: str
) -> None:
    days = [1, 2, 4, 5, 6, 7]  # not on Wednesday
    wish = "&".join(f"weekdays={day}" for day in days)
    url, told = f"/?clinic={week.id}&earliest=17:00&{wish}", list[tuple[UUID, datetime]]()
    while url:
        page = await shown(root + url)
        told += offered(page)
        later = LATER.search(page)
        url = later[1] if later else ""

    assert len(told) == 6 * 6 > TIMES
    assert {doctor for doctor, _ in told} == {week.doctor_id}
    assert [at for _, at in told] == sorted({at for _, at in told})
    assert {at.isoweekday() for _, at in told} == set(days)
    assert {at.hour for _, at in told} == {17, 18, 19}


async def test_doctors_stand_in_the_order_of_their_next_free_time(week: Clinic, root: str) -> None:
    sooner, never = await week.hire(), await week.hire()
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=30)
    await week.on_duty(begins, begins + timedelta(hours=1), doctor_id=sooner)

    page = await shown(f"{root}/?clinic={week.id}")

    cards = [UUID(each) for each in re.findall(r'<h3><a href="/book/([0-9a-f-]{36})"', page)]
    assert cards == [sooner, week.doctor_id, never]


async def test_a_list_of_doctors_that_is_cut_says_so(clinic: Clinic, root: str) -> None:
    says = "There are more doctors"
    assert says not in await shown(f"{root}/?clinic={clinic.id}")

    for _ in range(AT_MOST):
        await clinic.hire()

    assert says in await shown(f"{root}/?clinic={clinic.id}")


async def test_of_very_many_doctors_the_soonest_stand_first_whatever_their_names(
    week: Clinic, root: str
) -> None:
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=30)
    for _ in range(AT_MOST):
        await week.hire()
    last = await week.hire()
    await week.execute("UPDATE doctors SET full_name = 'Dr Zyx' WHERE id = :id", id=last)
    await week.on_duty(begins, begins + timedelta(hours=1), doctor_id=last)

    page = await shown(f"{root}/?clinic={week.id}")

    cards = [UUID(each) for each in re.findall(r'<h3><a href="/book/([0-9a-f-]{36})"', page)]
    assert cards[:2] == [last, week.doctor_id]
    assert len(cards) == AT_MOST


async def test_a_patient_reads_first_of_doctors_whose_names_are_of_the_own_language(
    week: Clinic, root: str
) -> None:
    russian = await week.hire()
    await week.execute("UPDATE doctors SET full_name = 'Белов С. П.' WHERE id = :id", id=russian)  # noqa: RUF001
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=30)
    await week.on_duty(begins, begins + timedelta(hours=1), doctor_id=russian)

    page = await shown(f"{root}/?clinic={week.id}")

    cards = [UUID(each) for each in re.findall(r'<h3><a href="/book/([0-9a-f-]{36})"', page)]
    assert cards == [week.doctor_id, russian]


async def test_earlier_visits_that_are_not_shown_are_led_to(clinic: Clinic, root: str) -> None:
    patient_id = uuid4()
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email)"
        " VALUES (:id, 'A', '+7', 'a@example.org')",
        id=patient_id,
    )
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    await clinic.on_duty(begins, begins + timedelta(hours=12))
    for nth in range(22):
        row = await clinic.hold(begins + nth * timedelta(minutes=30), patient_id=patient_id)
        await clinic.becomes(row, "cancelled")

    headers = {"accept": "text/html"}
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        http.cookies.set("patient", str(patient_id))
        first = (await http.get("/visits")).text
        [further] = re.findall(r'href="(/visits\?earlier=[^"#]*)', first)
        second = (await http.get(further)).text

    line = '<li class="card line">'
    assert (first.count(line), second.count(line)) == (20, 2)
    assert 'href="/visits?earlier=' not in second
