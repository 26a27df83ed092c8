"""A clinic that begins with nothing, by people who have signed in."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from stack.embedded import whole_stack
from stack.errors import StackError
from stack.home import Home
from stack.importing import import_file
from stack.run_state import RunState
from stack.supplies.chromium import HOW_TO_GET, find_chromium
from stack.tokens import access_token

EMPTY = {"PRIYOM_SIGN_IN": "on", "PRIYOM_SEED": "off", "PRIYOM_LOG_FORMAT": "json"}


@dataclass(frozen=True, kw_only=True)
class People:
    """A stack without demo data, and what each of its accounts asks."""

    home: Path
    state: RunState
    http: httpx.AsyncClient

    async def asked(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        token = access_token(Home(self.home), self.state, who)
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, path, json=body, headers=headers)

    async def made(self, who: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.asked(who, method, path, body)
        assert answer.status_code in {200, 201}, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture(scope="module")
async def people(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[People]:
    home = tmp_path_factory.mktemp("empty") / "home"
    async with (
        whole_stack(home, env=EMPTY) as state,
        httpx.AsyncClient(base_url=f"{state['api']}/api/v1", timeout=30) as http,
    ):
        yield People(home=home, state=state, http=http)


async def test_an_empty_clinic_is_set_up_and_its_first_visit_booked(
    people: People,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    weekly = [{"weekday": day.isoweekday(), "from": "09:00", "until": "12:00"}]
    place = {
        "name": "Clinic on the Neva",
        "address": "Nevsky 1",
        "timeZone": "Europe/Moscow",
        "phone": "+78121234567",
    }

    before = (await people.http.get("/doctors")).json()["items"]
    clinic = await people.made("manager1", "POST", "/clinics", place)
    post = {"fullName": "Anna Serova", "specialty": "cardiology", "clinicId": clinic["clinicId"]}
    doctor = await people.made("manager1", "POST", "/doctors", {**post, "slotMinutes": 30})
    own = f"/doctors/{doctor['doctorId']}"
    plan = {"effectiveFrom": str(day), "weekly": weekly, "version": 0}
    await people.made("manager1", "PUT", f"{own}/plan", plan)
    slots = (await people.http.get(f"{own}/schedule", params={"date": str(day)})).json()["slots"]
    record = {"fullName": "Vera Orlova", "email": "vera@example.org", "language": "en"}
    patient = await people.made("patient1", "POST", "/patients", record)
    again = await people.asked("patient1", "POST", "/patients", record)
    wish = {
        "patientId": patient["patientId"],
        "doctorId": doctor["doctorId"],
        "dateTime": slots[0]["dateTime"],
    }
    held = await people.made("patient1", "POST", "/appointments", wish)
    visit = f"/appointments/{held['appointmentId']}"
    confirmed = await people.made("patient1", "POST", f"{visit}/confirm", {})
    of_another = await people.asked("patient2", "GET", visit)
    of_another_clinic = await people.asked("manager2", "GET", visit)
    history = await people.made("manager1", "GET", f"{visit}/history", {})

    assert before == []
    assert people.state["patients"] == []
    assert [slot["state"] for slot in slots] == ["free"] * 6
    assert (again.status_code, again.json()["code"]) == (409, "patient_exists")
    assert confirmed["status"] == "confirmed"
    assert of_another.status_code == of_another_clinic.status_code == 404
    assert [each["status"] for each in history["items"]] == ["held", "confirmed"]
    assert {each["actor"]["role"] for each in history["items"]} == {"patient"}

    file, clinic_id = tmp_path / "old.csv", clinic["clinicId"]
    file.write_text(old_visits(day))
    monkeypatch.setenv("PRIYOM_HOME", str(people.home))
    capsys.readouterr()
    for _ in range(2):
        await asyncio.to_thread(import_file, file, clinic_id, dry=False)
    report, repeated = re.split(r"(?<=missing)\n", capsys.readouterr().out.strip(), maxsplit=1)
    with pytest.raises(StackError, match="no such clinic"):
        await asyncio.to_thread(import_file, file, str(uuid4()), dry=True)

    assert report.splitlines() == [
        "2 rows: 1 created, 0 changed, 0 same.",
        "line 3: patient_name: is missing",
    ]
    assert repeated.startswith("2 rows: 0 created, 0 changed, 1 same.")


class Steps:
    """What somebody does at a browser: each thing that is typed or pressed is a step."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.taken = 0

    async def types(self, field: str, text: str) -> None:
        self.taken += 1
        await self._page.locator(field).fill(text)

    async def enters(self, field: str) -> None:
        self.taken += 1
        await self._page.locator(field).press("Enter")

    async def presses(self, name: str) -> None:
        self.taken += 1
        found = self._page.get_by_role("button", name=name, exact=True)
        await found.or_(self._page.get_by_role("link", name=name, exact=True)).first.click()


async def test_a_new_manager_opens_a_clinic_by_its_pages_alone(people: People) -> None:
    """Without scripts, documents or a word of help: from the sign-in to a slot in 13 steps."""
    program = find_chromium()
    if program is None:
        pytest.skip(f"no Chromium on this machine: {HOW_TO_GET}")
    accounts = {each["username"]: each for each in people.state["accounts"]}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = await browser.new_context(locale="en-GB", java_script_enabled=False)
        page = await context.new_page()
        steps, began = Steps(page), time.monotonic()

        await page.goto(people.state["api"] or "")
        await steps.presses("Sign in")
        await steps.types("input[name=username]", "manager2")
        await steps.types("input[name=password]", accounts["manager2"]["password"] or "")
        await steps.enters("input[name=password]")
        await steps.presses("Manage clinics")
        empty = await page.get_by_role("heading", level=1).inner_text()
        await steps.types("#clinic-name", "Clinic on the Thames")
        await steps.types("#clinic-address", "High Street 1")
        await steps.presses("Add the clinic")
        await steps.types("#doctor-fullName", "Dr Ada Morrow")
        await steps.types("#doctor-specialty", "Surgeon")
        await steps.presses("Add the doctor")
        await steps.presses("Save the hours")
        told = await page.locator("#bookable").inner_text()
        await steps.presses("See it as patients do")
        free = await page.locator("button.slot").count()
        took = time.monotonic() - began
        await browser.close()

    assert empty == "Set up your clinic"
    assert told.startswith("Patients can book.")
    assert free > 0
    assert steps.taken == 13
    assert took < 180


def old_visits(day: date) -> str:
    return (
        "external_id,doctor,starts_at,ends_at,patient_name\n"
        f"A-1,Anna Serova,{day}T11:00,{day}T11:30,Boris Orlov\n"
        f"A-2,Anna Serova,{day}T11:30,{day}T12:00,\n"
    )
