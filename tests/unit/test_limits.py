"""How often one caller may ask, and what is told to one who asks too often."""

import asyncio
from collections import Counter

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from adapters.process.setting_values import rates, rates_of
from adapters.redis.buckets import Buckets
from api.http import streams as module
from api.http.actor import unauthenticated
from api.http.limits import LIMITED_AS, Limits, Rates, TakesTokens
from api.http.problems import Problem
from api.http.streams import Streams
from domain.actors import Actor, Role
from tests.fakes.redis_away import RedisAway
from tests.fakes.services import NoServices
from tests.unit.test_api_streams import WRITTEN, Reader, one, one_then_silence

RATES = Rates(commands=2, reads=3)
ANNA = Actor(subject="anna", roles=frozenset({Role.PATIENT}))
BORIS = Actor(subject="boris", roles=frozenset({Role.PATIENT}))
OLGA = Actor(subject="olga", roles=frozenset({Role.RECEPTION, Role.PATIENT}))
DAY = "/api/v1/doctors/00000000-0000-4000-8000-0000000000a1/schedule?date=2030-01-14"
HOLD = "/api/v1/appointments"


class Counted(TakesTokens):
    """Buckets that never fill again."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def take(self, key: str, *, a_minute: int) -> float:
        self.taken[key] += 1
        return 0.0 if self.taken[key] <= a_minute else 1.5


class ByName:
    """Takes the token for the name."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        known = {"Bearer anna": ANNA, "Bearer boris": BORIS, "Bearer olga": OLGA}
        actor = known.get(connection.headers.get("authorization", ""))
        if actor is None:
            raise unauthenticated()
        return actor


class Limited(NoServices):
    def __init__(self, buckets: TakesTokens) -> None:
        self.__dict__["callers"] = ByName()
        self.__dict__["limits"] = Limits(buckets, RATES)


@pytest.fixture
def buckets() -> Counted:
    return Counted()


@pytest.fixture
def app(app: FastAPI, buckets: Counted) -> FastAPI:
    app.state.services = Limited(buckets)
    return app


async def ask(
    app: FastAPI, path: str, *, by: str | None = None, method: str = "GET", at: str = "192.0.2.1"
) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(at, 1), raise_app_exceptions=False)
    headers = {} if by is None else {"authorization": f"Bearer {by}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.request(method, path, headers=headers)


async def allowed(app: FastAPI, path: str, *, by: str | None = None, **how: str) -> int:
    """How many requests it takes until one is too many."""
    for count in range(100):
        answer = await ask(app, path, by=by, **how)
        if answer.status_code == 429:
            assert answer.json()["code"] == "too_many_requests"
            assert answer.headers["retry-after"] == "2"
            return count
    raise AssertionError("nothing was too many")


async def test_a_subject_has_so_many_commands_and_so_many_reads(app: FastAPI) -> None:
    assert await allowed(app, HOLD, method="POST", by="anna") == RATES.commands
    assert await allowed(app, "/api/v1/me", by="anna") == RATES.reads
    assert await allowed(app, HOLD, method="POST", by="boris", at="192.0.2.1") == RATES.commands


async def test_staff_may_ten_times_that(app: FastAPI) -> None:
    assert await allowed(app, HOLD, method="POST", by="olga") == 10 * RATES.commands
    assert await allowed(app, "/api/v1/me", by="olga") == 10 * RATES.reads


@pytest.mark.parametrize("path", [DAY, f"{DAY}&x=y", "/api/v1/slots?from=x", "/api/v1/doctors"])
async def test_an_address_without_a_token_has_its_own_reads(app: FastAPI, path: str) -> None:
    assert await allowed(app, path) == RATES.reads
    assert await allowed(app, path, at="192.0.2.2") == RATES.reads
    assert await allowed(app, path, at="2001:db8::1") == RATES.reads
    assert await allowed(app, path, at="2001:db8::2") == 0
    assert await allowed(app, path, at="a socket") == RATES.reads


async def test_each_caller_of_ipv4_is_counted_by_himself_however_his_address_is_written(
    app: FastAPI,
) -> None:
    assert await allowed(app, DAY, at="::ffff:192.0.2.1") == RATES.reads
    assert await allowed(app, DAY, at="192.0.2.1") == 0
    assert await allowed(app, DAY, at="::ffff:192.0.2.2") == RATES.reads


async def test_a_token_counts_also_where_none_is_needed(app: FastAPI, buckets: Counted) -> None:
    assert await allowed(app, DAY, by="anna") == RATES.reads
    assert await allowed(app, "/api/v1/slots?from=x", by="anna") == 0
    assert await allowed(app, DAY, by="nobody known") == RATES.reads
    assert "192.0.2.1" not in "".join(buckets.taken)
    assert "anna" not in "".join(buckets.taken)


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/problems"])
async def test_what_costs_nothing_is_not_counted(app: FastAPI, buckets: Counted, path: str) -> None:
    assert (await ask(app, path)).status_code == 200

    assert not buckets.taken


async def test_a_caller_has_so_many_streams_and_another_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_OF_ONE", 1)
    streams, closed = Streams(), list[str]()
    mine, other = ({"type": "http", LIMITED_AS: f"subject:{who}"} for who in ("anna", "boris"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = streams.answer(Request({**scope, **mine}), one_then_silence(closed))
        await answer(scope, receive, send)

    reader = Reader(app)
    await reader.has_read(WRITTEN)

    with pytest.raises(Problem) as refused:
        streams.answer(Request(mine), one())

    assert refused.value.code == "too_many_requests"
    assert streams.answer(Request(other), one()).status_code == 200
    assert streams.answer(Request({"type": "http"}), one()).status_code == 200
    reader.goes()
    await asyncio.wait_for(reader.request, 5)
    assert streams.answer(Request(mine), one()).status_code == 200


async def test_where_redis_is_away_there_is_enough() -> None:
    buckets = Buckets(RedisAway(ConnectionResetError("by peer")))

    assert await buckets.take("anybody", a_minute=1) == 0


def test_the_setting_is_two_numbers_or_off() -> None:
    assert rates_of(rates("20,300")) == (20, 300)
    assert rates_of(rates("off")) is None
    for wrong in ("", "20", "20,", "20,300,1", "0,300", "-1,300", "20,1000001", "a,b", "²,3"):
        with pytest.raises(ValueError, match="commands,reads"):
            rates(wrong)
