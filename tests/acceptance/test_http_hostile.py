"""Whatever is sent, the answer is a problem that says what is wrong: no stack, no SQL, no hang."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.conftest import Clinic

JSON = {"content-type": "application/json"}
APPOINTMENTS = "/api/v1/appointments"
UNKNOWN = "3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f"
GOOD = {"patientId": UNKNOWN, "doctorId": UNKNOWN, "dateTime": "2027-03-01T09:00:00+03:00"}


def assert_problem(answer: httpx.Response, status: int, code: str = "malformed") -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert problem["status"] == status
    assert all(word not in answer.text for word in ("Traceback", "SELECT", "sqlalchemy", ".py"))
    if code == "malformed":
        assert all(error["field"] and error["message"] for error in problem["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{no",
        b'{"patientId": "\xff"}',
        b'{"patientId": NaN}',
        b'{"patientId": Infinity}',
        b'{"patientId": "\\ud800"}',
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"\0",
        b"{} {}",
    ],
)
async def test_a_body_that_is_no_json_is_a_400(clinic: Clinic, body: bytes) -> None:
    assert_problem(await clinic.http.post(APPOINTMENTS, content=body, headers=JSON), 400)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_another_media_type_is_a_415(clinic: Clinic, media_type: str) -> None:
    answer = await clinic.http.post(
        APPOINTMENTS, content=json.dumps(GOOD), headers={"content-type": media_type}
    )

    assert_problem(answer, 415)


async def test_a_body_of_more_than_64_kib_is_a_413(clinic: Clinic) -> None:
    body = b'{"a": "' + b"x" * 65_536 + b'"}'

    assert_problem(
        await clinic.http.post(APPOINTMENTS, content=body, headers=JSON), 413, "too_large"
    )


async def test_ten_megabytes_in_pieces_of_no_announced_length_are_a_413(clinic: Clinic) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b"x" * 65_536

    answer = await clinic.http.post(APPOINTMENTS, content=pieces(), headers=JSON)

    assert_problem(answer, 413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        "text",
        7,
        {},
        {**GOOD, "status": "confirmed"},
        {**GOOD, "nul\0": 1},
        {**GOOD, "patientId": 7},
        {**GOOD, "patientId": UNKNOWN + "\0"},
        {**GOOD, "patientId": "' OR 1=1 --"},
        {**GOOD, "doctorId": None},
        {**GOOD, "doctorId": [UNKNOWN]},
        {**GOOD, "dateTime": "2027-03-01T09:00:00"},
        {**GOOD, "dateTime": "2027-02-30T09:00:00Z"},
        {**GOOD, "dateTime": "1999-12-31T23:59:59Z"},
        {**GOOD, "dateTime": "2101-01-01T00:00:00Z"},
        {**GOOD, "dateTime": "0001-01-01T00:00:00+14:00"},
        {**GOOD, "dateTime": "9999-12-31T23:59:59-14:00"},
        {**GOOD, "dateTime": 1_800_000_000},
        {**GOOD, "dateTime": "2027-03-01T09:00:00Z\n"},
    ],
)
async def test_a_wish_that_cannot_be_understood_is_a_422(clinic: Clinic, body: object) -> None:
    content = json.dumps(body)

    assert_problem(await clinic.http.post(APPOINTMENTS, content=content, headers=JSON), 422)


@pytest.mark.parametrize("key", [b"", b"a b", b"x" * 256, "ключ".encode(), b"\xe9", b"a\tb"])
async def test_a_key_is_1_to_255_visible_ascii_characters(clinic: Clinic, key: bytes) -> None:
    answer = await clinic.http.post(APPOINTMENTS, json=GOOD, headers={b"Idempotency-Key": key})

    assert_problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("version", [0, -1, 2**31, 2**100, True, 1.0, "1", None])
async def test_a_version_that_no_appointment_has_is_a_422(clinic: Clinic, version: object) -> None:
    answer = await clinic.http.post(f"{APPOINTMENTS}/{UNKNOWN}/extend", json={"version": version})

    assert_problem(answer, 422)


@pytest.mark.parametrize("body", [{"reason": "weather"}, {"reason": 1}, {"why": "mistake"}, []])
async def test_a_reason_that_is_no_code_is_a_422(clinic: Clinic, body: object) -> None:
    assert_problem(await clinic.http.post(f"{APPOINTMENTS}/{UNKNOWN}/cancel", json=body), 422)


@pytest.mark.parametrize(
    "path",
    [
        f"{APPOINTMENTS}/x",
        f"{APPOINTMENTS}/%00",
        f"{APPOINTMENTS}/%ff",
        f"/api/v1/patients/{UNKNOWN}x/appointments",
        f"/api/v1/patients/{UNKNOWN}/appointments?limit=0",
        f"/api/v1/patients/{UNKNOWN}/appointments?limit=101",
        f"/api/v1/patients/{UNKNOWN}/appointments?limit=1e1",
        f"/api/v1/patients/{UNKNOWN}/appointments?limit={9 * 10**30}",
        f"/api/v1/patients/{UNKNOWN}/appointments?cursor=",
        f"/api/v1/patients/{UNKNOWN}/appointments?cursor=zz",
        f"/api/v1/patients/{UNKNOWN}/appointments?cursor=%00",
        f"/api/v1/patients/{UNKNOWN}/appointments?cursor=%D1%8F",
        f"/api/v1/doctors/{UNKNOWN}/notifications?cursor=AAAA",
        f"/api/v1/doctors/{UNKNOWN}/schedule?date=2027-02-30",
        f"/api/v1/doctors/{UNKNOWN}/schedule",
        "/api/v1/doctors?clinicId=1",
        "/api/v1/doctors?cursor=zz",
    ],
)
async def test_ids_dates_and_cursors_are_read_as_strictly(clinic: Clinic, path: str) -> None:
    assert_problem(await clinic.http.get(path), 422)


@pytest.mark.parametrize(
    "path", ["/api/v1", f"{APPOINTMENTS}/{UNKNOWN}/", "/API/V1/doctors", "/docs/app.py"]
)
async def test_an_unknown_page_is_not_found(clinic: Clinic, path: str) -> None:
    assert_problem(await clinic.http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", APPOINTMENTS, "POST"),
        ("OPTIONS", APPOINTMENTS, "POST"),
        ("DELETE", f"{APPOINTMENTS}/{UNKNOWN}", "GET"),
        ("PATCH", "/healthz", "GET"),
    ],
)
async def test_another_method_is_not_allowed(
    clinic: Clinic, method: str, path: str, allowed: str
) -> None:
    answer = await clinic.http.request(method, path)

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("command", ["confirm", "cancel"])
async def test_an_appointment_that_never_was_is_not_found(clinic: Clinic, command: str) -> None:
    answer = await clinic.http.post(f"{APPOINTMENTS}/{uuid4()}/{command}")

    assert_problem(answer, 404, "appointment_not_found")


@pytest.mark.parametrize("request_line", [b"GARBAGE", b"GET / HTTP/1.1\r\nx: " + b"x" * 200_000])
async def test_what_is_no_http_is_a_400(clinic: Clinic, request_line: bytes) -> None:
    address = urlsplit(str(clinic.http.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    writer.write(request_line + b"\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(4096), 20)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer


async def test_a_body_that_never_comes_is_answered_in_time(clinic: Clinic) -> None:
    address = urlsplit(str(clinic.http.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    writer.write(f"POST {APPOINTMENTS} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode())
    answer = await asyncio.wait_for(reader.read(4096), 20)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408")


async def test_head_is_answered_without_a_body_and_a_request_keeps_its_id(clinic: Clinic) -> None:
    answer = await clinic.http.head("/healthz", headers={"X-Request-Id": "front-end-7"})

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-request-id"] == "front-end-7"


async def test_every_problem_has_a_page_and_the_description_needs_no_internet(
    clinic: Clinic,
) -> None:
    missing = await clinic.http.get("/nowhere")
    page = await clinic.http.get(missing.json()["type"])
    home = await clinic.http.get("/")
    docs = await clinic.http.get("/docs")
    description = await clinic.http.get("/openapi.json")

    assert page.status_code == 200
    assert "No such page" in page.text
    assert "text/html" in home.headers["content-type"]
    assert "http://" not in docs.text
    assert "https://" not in docs.text
    assert "default-src 'none'" in docs.headers["content-security-policy"]
    assert APPOINTMENTS in description.json()["paths"]
