"""Which requests for a day are answered in front of the framework, and which go on to it."""

from datetime import date
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from api.describe import describe_only
from api.schedule.schedule_fast_path import ROUTE, Asked, ScheduleFastPath, asked
from domain.actors import Actor
from tests.fakes.cache import DOCTOR

PATH = f"/api/v1/doctors/{DOCTOR}/schedule"
DATE = b"date=2027-01-11"
MONDAY = date(2027, 1, 11)


def scope(
    path: str = PATH,
    query: bytes = DATE,
    *headers: tuple[bytes, bytes],
    method: str = "GET",
    kind: str = "http",
) -> Scope:
    return {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
    }


class NobodyKnows:
    """Callers of a process whose database is away."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        raise psycopg.OperationalError(f"away: {connection.url.path}")

    def forget_accounts(self) -> None:
        """There are none."""


async def test_a_caller_who_cannot_be_looked_up_is_told_to_come_again() -> None:
    told: list[int] = []
    services = SimpleNamespace(limits=object(), callers=NobodyKnows())
    with_a_token = scope(PATH, DATE, (b"authorization", b"Bearer x"))
    with_a_token["app"] = SimpleNamespace(state=SimpleNamespace(services=services))

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        told.extend([message["status"]] if "status" in message else [])

    async def framework(_: Scope, __: Receive, ___: Send) -> None:
        told.append(0)

    await ScheduleFastPath(framework, seconds=5)(with_a_token, receive, send)

    assert told == [503]


def test_the_path_is_the_routes() -> None:
    assert ROUTE.replace("doctor_id", "doctorId") in describe_only().openapi()["paths"]


def test_the_plainest_request_is_understood() -> None:
    assert asked(scope()) == Asked(doctor_id=DOCTOR, day=MONDAY, if_none_match=None)


def test_an_id_in_capitals_is_the_same_doctor() -> None:
    letters = UUID("abcdefab-cdef-4abc-8def-abcdefabcdef")

    found = asked(scope(f"/api/v1/doctors/{str(letters).upper()}/schedule"))

    assert found is not None
    assert found.doctor_id == letters


def test_a_condition_is_understood() -> None:
    found = asked(scope(PATH, DATE, (b"if-none-match", b'W/"a"')))

    assert found is not None
    assert found.if_none_match == 'W/"a"'


@pytest.mark.parametrize(
    "other",
    [
        scope(kind="lifespan"),
        scope(method="POST"),
        scope(method="OPTIONS"),
        scope(PATH + "/"),
        scope(PATH + "/stream"),
        scope(PATH + "\n"),
        scope("/api/v1/doctors"),
        scope("/api/v1/doctors/7/schedule"),
        scope(f"/api/v1/doctors/{DOCTOR.hex}/schedule"),
        scope(f"/api/v1/doctors/{{{DOCTOR}}}/schedule"),
        scope(PATH, b""),
        scope(PATH, b"date="),
        scope(PATH, b"date=2027-02-30"),
        scope(PATH, b"date=1999-12-31"),
        scope(PATH, b"date=2027-1-11"),
        scope(PATH, b"date=2027-01-11T00:00:00"),
        scope(PATH, b"date=2027%2D01-11"),
        scope(PATH, DATE + b"&"),
        scope(PATH, DATE + b"&date=2027-01-12"),
        scope(PATH, b"Date=2027-01-11"),
        scope(PATH, DATE + b"\n"),
        scope(PATH, DATE, (b"if-none-match", b'"a"'), (b"if-none-match", b'"b"')),
        scope(PATH, DATE, (b"content-length", b"2000000")),
        scope(PATH, DATE, (b"transfer-encoding", b"chunked")),
        {**scope(), "root_path": "/clinic"},
    ],
)
def test_every_other_request_goes_on_to_the_framework(other: Scope) -> None:
    assert asked(other) is None
