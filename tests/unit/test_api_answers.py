"""How a request that cannot be understood is told so, over the application without servers."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from domain.errors import SlotTaken
from tests.fakes.services import NoServices

pytestmark = pytest.mark.unmeasured

ID = "3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f"
WISH = {"patientId": ID, "doctorId": ID, "dateTime": "2027-03-01T09:00:00Z"}
ODD_NUMBERS = ("1.5", "5.0", "1_0", "%2B5", "%205", "5%20", "05", "%D9%A5", "0x5", "1e1", "-0", "")
KEY = "must be 1 to 255 visible ASCII characters"


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


def told(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422
    return [(error["field"], error["message"]) for error in answer.json()["errors"]]


class Taken(NoServices):
    """Every slot is another patient's."""

    def __getattr__(self, name: str) -> object:
        return self if name == "bookings" else super().__getattr__(name)

    async def hold(self, *_: object, **__: object) -> None:
        raise SlotTaken


async def test_who_was_not_given_a_slot_is_named_in_the_log_by_ids(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    app.state.services = Taken()

    with capture_logs(processors=[merge_contextvars]) as logs:
        answer = await http.post("/appointments", json=WISH)

    [told_of] = [line for line in logs if line["event"] == "problem_answered"]
    assert answer.json()["code"] == told_of["code"] == "slot_taken"
    assert (told_of["patient_id"], told_of["doctor_id"]) == (ID, ID)


@pytest.mark.parametrize("control", [chr(each) for each in (*range(0x20), *range(0x7F, 0xA0))])
async def test_a_text_of_the_query_has_no_control_characters(
    http: httpx.AsyncClient, control: str
) -> None:
    for specialty in (control, f"Cardio{control}logy", f"Cardiology{control}"):
        answer = await http.get("/doctors", params={"specialty": specialty})

        assert told(answer) == [("specialty", "must not contain control characters")]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("specialty=" + "x" * 201, "must have at most 200 characters"),
        ("limit=0", "must be at least 1"),
        ("limit=101", "must be at most 100"),
        ("limit=many", "must be a whole number"),
        *((f"limit={odd}", "must be a whole number") for odd in ODD_NUMBERS),
        ("limit=5&limit=6", "must be given once"),
        ("limit=5&limit=5", "must be given once"),
        ("limit=" + "9" * 5000, "must be a whole number"),
        ("cursor=%07", "must be `next` of an earlier page"),
    ],
)
async def test_a_wrong_value_of_the_query_is_told_in_plain_words(
    http: httpx.AsyncClient, query: str, message: str
) -> None:
    name = query.partition("=")[0]

    assert told(await http.get(f"/doctors?{query}")) == [(name, message)]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x7f", "a\x0c", "\xe9"])
async def test_a_key_that_is_none_is_told_in_plain_words(http: httpx.AsyncClient, key: str) -> None:
    sent = {b"idempotency-key": key.encode("latin-1")}
    answer = await http.post("/appointments", json=WISH, headers=sent)

    assert told(answer) == [("Idempotency-Key", KEY)]


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        ("extend", {"version": "1"}, "version", "must be a whole number"),
        ("extend", {"version": 0}, "version", "must be at least 1"),
        ("extend", {"version": 2**31}, "version", "must be at most 2147483647"),
        ("extend", {}, "version", "is required"),
        ("extend", [], "body", "must be a JSON object"),
        ("cancel", {"why": "so"}, "why", "is not a field of this request"),
        (
            "cancel",
            {"reason": "weather"},
            "reason",
            "must be 'patient_request', 'clinic_request', 'mistake' or 'other'",
        ),
    ],
)
async def test_a_wrong_value_of_a_body_is_told_in_plain_words(
    http: httpx.AsyncClient, path: str, body: object, field: str, message: str
) -> None:
    answer = await http.post(f"/appointments/{ID}/{path}", json=body)

    assert told(answer) == [(field, message)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"version": 1, "version": 2}', "version"),
        (b'{"version": 1, "version": 1}', "version"),
        (b'{"version": 1, "versio\\u006e": 2}', "version"),
        (b'{"a": {"b": [{"c": 1, "c": 2}]}}', "c"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "?"),
    ],
)
async def test_a_name_that_stands_twice_in_a_body_is_refused(
    http: httpx.AsyncClient, body: bytes, field: str
) -> None:
    sent = {"content-type": "application/json"}
    answer = await http.post(f"/appointments/{ID}/extend", content=body, headers=sent)

    assert told(answer) == [(field, "must be given once")]


async def test_a_body_of_thousands_of_names_keeps_nobody_else_waiting(
    http: httpx.AsyncClient,
) -> None:
    names = ",".join(f'"{number}": 0' for number in range(6_000))
    sent = {"content-type": "application/json"}

    began = time.thread_time()
    answer = await http.post("/receipts/sms", content=f'{{{names}, "5999": 0}}', headers=sent)
    worked = time.thread_time() - began

    assert told(answer) == [("5999", "must be given once")]
    assert worked < 0.1


async def test_another_method_is_told_which_one_the_page_answers(http: httpx.AsyncClient) -> None:
    answer = await http.delete("/specialties")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"
