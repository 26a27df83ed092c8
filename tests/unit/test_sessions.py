"""Sessions of the pages: what the browser has names one, and says nothing by itself."""

import base64
from collections.abc import Mapping
from uuid import UUID

import pytest
from starlette.requests import HTTPConnection

from adapters.oidc.tokens import Claims
from adapters.redis.sessions import SessionStore, StoreAway
from api.http.problems import Problem
from api.sign_in.sessions import COOKIE, LONGEST_SECONDS, Sessions
from domain.actors import Role
from tests.fakes.redis_away import FAULTS, RedisAway

ANNA, CHILD = UUID(int=1), UUID(int=2)
CLAIMS = Claims(
    subject="anna",
    roles=frozenset({Role.PATIENT}),
    expires_at=0.0,
    patient_id=ANNA,
    practitioner_id=None,
    clinic_ids=frozenset({CHILD}),
)


class Shelf(SessionStore):
    """The store in memory; it may be away."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, object]] = {}
        self.seconds: set[int] = set()
        self.is_away = False

    async def keep(self, key: str, record: Mapping[str, object], seconds: int) -> None:
        self.kept[key] = dict(record)
        self.seconds.add(seconds)

    async def find(self, key: str) -> dict[str, object] | None:
        if self.is_away:
            raise StoreAway
        return self.kept.get(key)

    async def drop(self, key: str) -> None:
        self.kept.pop(key, None)


def browser(key: str | None) -> HTTPConnection:
    cookie = [] if key is None else [(b"cookie", f"{COOKIE}={key}".encode())]
    return HTTPConnection({"type": "http", "headers": cookie})


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def sessions(shelf: Shelf) -> Sessions:
    return Sessions(shelf)


async def test_a_browser_is_who_signed_in_with_it(sessions: Sessions, shelf: Shelf) -> None:
    key = await sessions.begin(CLAIMS, "id token")

    assert await sessions.claims_of(browser(key)) == CLAIMS
    assert max(shelf.seconds) <= LONGEST_SECONDS


async def test_what_the_store_has_signs_nobody_in(sessions: Sessions, shelf: Shelf) -> None:
    key = await sessions.begin(CLAIMS, "id token")
    (stored,) = shelf.kept

    assert key not in stored
    assert await sessions.claims_of(browser(stored)) is None


async def test_nothing_of_a_session_can_be_read_in_the_store(
    sessions: Sessions, shelf: Shelf
) -> None:
    """Neither what the issuer says of a person, which may be the name, nor who it is here."""
    key = await sessions.begin(CLAIMS, "an id token with a name")
    await sessions.choose(browser(key), CHILD)

    (kept,) = shelf.kept.values()
    readable = str(kept) + base64.urlsafe_b64decode(str(kept["sealed"])).decode(errors="ignore")
    assert not [word for word in ("anna", "name", str(ANNA), str(CHILD)) if word in readable]


async def test_each_sign_in_is_a_session_of_its_own(sessions: Sessions) -> None:
    assert await sessions.begin(CLAIMS, "one") != await sessions.begin(CLAIMS, "two")


@pytest.mark.parametrize("key", [None, "", "x" * 43, "short"])
async def test_a_browser_without_a_session_is_nobody(sessions: Sessions, key: str | None) -> None:
    assert await sessions.claims_of(browser(key)) is None


async def test_a_session_that_was_ended_is_none_any_more(sessions: Sessions) -> None:
    key = await sessions.begin(CLAIMS, "id token")

    ended = await sessions.end(browser(key))

    assert ended is not None
    assert ended.identity == "id token"
    assert await sessions.claims_of(browser(key)) is None


async def test_whom_one_books_for_is_kept_with_the_session(sessions: Sessions) -> None:
    key = await sessions.begin(CLAIMS, "id token")

    await sessions.choose(browser(key), CHILD)

    found = await sessions.find(browser(key))
    assert found is not None
    assert (found.chosen, found.claims) == (CHILD, CLAIMS)


async def test_what_another_build_has_kept_is_no_session(sessions: Sessions, shelf: Shelf) -> None:
    key = await sessions.begin(CLAIMS, "id token")
    (stored,) = shelf.kept
    other = dict(shelf.kept[stored])
    foreign: dict[str, object] = {"subject": "anna", "roles": ["patient"]}
    key_of_another = await sessions.begin(CLAIMS, "id token")
    shelf.kept[stored] = foreign

    assert await sessions.find(browser(key)) is None
    for place in shelf.kept:
        shelf.kept[place] = other
    assert await sessions.find(browser(key_of_another)) is None


async def test_a_store_that_is_away_makes_nobody_of_nobody(
    sessions: Sessions, shelf: Shelf
) -> None:
    key = await sessions.begin(CLAIMS, "id token")
    shelf.is_away = True

    with pytest.raises(Problem) as told:
        await sessions.find(browser(key))
    assert told.value.code == "unavailable"


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_store_that_is_away_in_any_way_is_unavailable_and_no_fault(
    fault: Exception,
) -> None:
    store = SessionStore(RedisAway(fault))

    with pytest.raises(Problem) as told:
        await Sessions(store).find(browser("x" * 43))
    assert told.value.code == "unavailable"
    for asked in (store.keep("key", {}, 1), store.take("key"), store.drop("key")):
        with pytest.raises(StoreAway):
            await asked
