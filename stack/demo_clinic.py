"""The clinic as a patient's front end sees it: HTTP calls, each printed with its time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict, TypeVar
from zoneinfo import ZoneInfo

import httpx

from domain.documents import AppointmentDocument
from stack.demo_page import Page, local_time
from stack.demo_tokens import DemoTokens
from stack.run_state import Patient, RunState

API = "/api/v1"
PATIENCE = 20.0
"""Seconds for what follows an answer: an announced lapse, delivered messages."""
POLL_PAUSE = 0.1


class NotAsPromisedError(Exception):
    """The clinic broke a promise; the message says which."""


class DoctorDocument(TypedDict):
    doctorId: str
    name: str
    specialty: str
    clinicId: str
    clinicName: str
    timeZone: str
    slotMinutes: int


class SlotDocument(TypedDict):
    dateTime: str
    endsAt: str
    state: str


class MessageDocument(TypedDict):
    channel: str
    to: str
    subject: str | None
    text: str


class NoticeDocument(TypedDict):
    appointmentId: str
    kind: str
    dateTime: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The part of a problem document that the demo shows."""

    code: str
    detail: str
    alternatives: list[SlotDocument]


Found = TypeVar("Found")


class DemoClinic:
    """One front end. Every call is printed when it is answered."""

    def __init__(
        self, run: RunState, http: httpx.AsyncClient, page: Page, tokens: DemoTokens
    ) -> None:
        self._run = run
        self._http = http
        self._page = page
        self._tokens = tokens
        self._whose: dict[str, str] = {}

    def show_run(self, workflow_id: str) -> None:
        """The URL of this run in the Temporal UI; empty if the UI is not known."""
        ui, namespace = self._run["temporalUi"], self._run["temporalNamespace"]
        if ui is not None:
            self._page.link("watch the run", f"{ui}/namespaces/{namespace}/workflows/{workflow_id}")

    async def sign_in(self, patient: Patient) -> None:
        """Show who the API takes the bearer of the patient's token for."""
        begun = time.perf_counter()
        headers = await self._tokens.of_patient(patient["id"])
        me = expect(await self._http.get(f"{API}/me", headers=headers), 200).json()
        who = f"{me['subject']}, {', '.join(me['roles'])}"
        self._page.call("GET", "/me, with a token", who, elapsed_ms(begun))
        if me["patientId"] != patient["id"]:
            raise NotAsPromisedError("the token is another patient's")

    async def doctor(self, specialty: str, zone: str) -> DoctorDocument:
        """A doctor of that specialty, preferably in that time zone."""
        answer = await self._http.get(f"{API}/doctors", params={"specialty": specialty})
        found: list[DoctorDocument] = expect(answer, 200).json()["items"]
        if not found:
            raise NotAsPromisedError(f"no doctor of {specialty} was found")
        return next((doctor for doctor in found if doctor["timeZone"] == zone), found[0])

    async def open_day(self, doctor: DoctorDocument, *, slots: int) -> date:
        """The first day, from tomorrow on, with at least this many free slots."""
        today = datetime.now(UTC).astimezone(ZoneInfo(doctor["timeZone"])).date()
        for day in (today + timedelta(days=ahead) for ahead in range(1, 14)):
            found = await self._slots(doctor, day)
            if sum(slot["state"] == "free" for slot in found) >= slots:
                return day
        raise NotAsPromisedError(f"{doctor['name']} has no day with {slots} free slots")

    async def day(self, doctor: DoctorDocument, day: date) -> list[SlotDocument]:
        """Shows the whole day."""
        slots = await self._slots(doctor, day)
        self._page.day(day, doctor["timeZone"], [(s["dateTime"], s["state"]) for s in slots])
        return slots

    async def expect_state(self, doctor: DoctorDocument, slot: SlotDocument, state: str) -> None:
        """Check that the next read of the schedule shows the slot in this state."""
        moment = datetime.fromisoformat(slot["dateTime"])
        day = moment.astimezone(ZoneInfo(doctor["timeZone"])).date()
        begun = time.perf_counter()
        shown = await self._slots(doctor, day)
        found = next((s["state"] for s in shown if same_instant(s, slot)), "not listed")
        at = local_time(slot["dateTime"], doctor["timeZone"])
        self._page.call("GET", "schedule of the day", f"{at} is {found}", elapsed_ms(begun))
        if found != state:
            raise NotAsPromisedError(f"the slot at {at} shows {found} and not {state}")

    async def hold(
        self, patient: Patient, doctor: DoctorDocument, slot: SlotDocument, *, key: str
    ) -> AppointmentDocument:
        answer, took = await self._post_appointment(patient, doctor, slot, key)
        held: AppointmentDocument = expect(answer, 201).json()
        self._whose[held["appointmentId"]] = patient["id"]
        until = local_time(held["heldUntil"] or "", doctor["timeZone"], seconds=True)
        replayed = ", replayed" if answer.headers.get("Idempotent-Replayed") == "true" else ""
        self._page.call(
            "POST", "/appointments", f"201 {held['status']} until {until}{replayed}", took
        )
        return held

    async def refused_hold(
        self, patient: Patient, doctor: DoctorDocument, slot: SlotDocument, *, key: str
    ) -> Refused:
        answer, took = await self._post_appointment(patient, doctor, slot, key)
        problem = expect(answer, 409).json()
        self._page.call("POST", "/appointments", f"409 {problem['code']}", took)
        return Refused(
            code=problem["code"],
            detail=problem["detail"],
            alternatives=problem.get("alternatives") or [],
        )

    async def act(self, appointment_id: str, verb: str, status: int) -> str:
        """Confirm or cancel. Return the new status or the code of the refusal."""
        begun = time.perf_counter()
        answer = await self._http.post(
            f"{API}/appointments/{appointment_id}/{verb}",
            json={},
            headers=await self._as_patient_of(appointment_id),
        )
        document = expect(answer, status).json()
        outcome = str(document["code"] if answer.is_error else document["status"])
        self._page.call("POST", f"/appointments/…/{verb}", f"{status} {outcome}", elapsed_ms(begun))
        return outcome

    async def status(self, appointment_id: str) -> str:
        headers = await self._as_patient_of(appointment_id)
        answer = await self._http.get(f"{API}/appointments/{appointment_id}", headers=headers)
        return str(expect(answer, 200).json()["status"])

    async def until_status(self, appointment_id: str, status: str) -> None:
        async def reached() -> str | None:
            return status if await self.status(appointment_id) == status else None

        await until(f"appointment {appointment_id} becomes {status}", reached)

    async def message(self, to: str, channel: str, *, number: int) -> MessageDocument:
        """Wait until this many messages arrived at the address; return the newest."""

        async def arrived() -> MessageDocument | None:
            answer = await self._http.get(
                f"{self._run['mailbox']}/messages", params={"to": to, "channel": channel}
            )
            messages: list[MessageDocument] = expect(answer, 200).json()
            return messages[0] if len(messages) >= number else None

        return await until(f"{channel} number {number} reaches {to}", arrived)

    async def notice(self, doctor: DoctorDocument, appointment_id: str, *, number: int) -> str:
        """The kind of the doctor's newest notice about this appointment."""

        async def arrived() -> NoticeDocument | None:
            headers = await self._tokens.of_reception(doctor["clinicId"])
            answer = await self._http.get(
                f"{API}/doctors/{doctor['doctorId']}/notifications", headers=headers
            )
            items: list[NoticeDocument] = expect(answer, 200).json()["items"]
            about = [item for item in items if item["appointmentId"] == appointment_id]
            return about[0] if len(about) >= number else None

        return (await until("the doctor is notified", arrived))["kind"]

    async def _as_patient_of(self, appointment_id: str) -> dict[str, str]:
        return await self._tokens.of_patient(self._whose[appointment_id])

    async def _slots(self, doctor: DoctorDocument, day: date) -> list[SlotDocument]:
        answer = await self._http.get(
            f"{API}/doctors/{doctor['doctorId']}/schedule", params={"date": day.isoformat()}
        )
        slots: list[SlotDocument] = expect(answer, 200).json()["slots"]
        return slots

    async def _post_appointment(
        self, patient: Patient, doctor: DoctorDocument, slot: SlotDocument, key: str
    ) -> tuple[httpx.Response, float]:
        wish = {
            "patientId": patient["id"],
            "doctorId": doctor["doctorId"],
            "dateTime": slot["dateTime"],
        }
        headers = {"Idempotency-Key": key, **await self._tokens.of_patient(patient["id"])}
        begun = time.perf_counter()
        answer = await self._http.post(f"{API}/appointments", json=wish, headers=headers)
        return answer, elapsed_ms(begun)


def expect(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        asked = f"{answer.request.method} {answer.request.url.path}"
        shown = answer.text[:300]
        raise NotAsPromisedError(f"{asked} answered {answer.status_code}, not {status}: {shown}")
    return answer


async def until(what: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
    """Poll `look` until it finds something. Raises if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(POLL_PAUSE)
    raise NotAsPromisedError(f"waited {PATIENCE:g} s in vain until {what}")


def same_instant(one: SlotDocument, other: SlotDocument) -> bool:
    return datetime.fromisoformat(one["dateTime"]) == datetime.fromisoformat(other["dateTime"])


def elapsed_ms(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
