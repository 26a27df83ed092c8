"""Tokens as an API gets them: bad ones are 401, and nobody is lost while keys or issuer change."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.oidc import keys
from adapters.oidc.tokens import Claims
from adapters.postgres.database import Database
from adapters.redis.cache import connect_redis
from adapters.redis.sessions import SessionStore
from api.sign_in.sessions import COOKIE, Sessions
from domain.actors import Role
from tests.fakes.issuer import FakeIssuer, running_issuer
from tests.integration.conftest import serving
from tests.unit.test_tokens import base64url, encoded

pytestmark = [pytest.mark.unmeasured, pytest.mark.timeout(300)]

FLOOD = 100
"""A thousand are in tests/unit/test_tokens.py."""

AT_ONCE = httpx.Limits(max_connections=4)
PATIENTLY = httpx.Timeout(60, pool=None)
TEN_KB = 10 * 1024


@dataclass(frozen=True, kw_only=True)
class Door:
    """An API, and the issuer whose tokens it takes."""

    http: httpx.AsyncClient
    issuer: FakeIssuer

    async def asks(self, token: str) -> httpx.Response:
        return await self.http.get("/me", headers={"authorization": f"Bearer {token}"})

    async def lets_in(self, *tokens: str) -> set[int]:
        return {answer.status_code for answer in await asyncio.gather(*map(self.asks, tokens))}


@pytest.fixture(scope="module")
async def door(clinic_database: Database, cache_url: str) -> AsyncIterator[Door]:
    async with running_issuer() as issuer:
        named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
        async with (
            serving(clinic_database, cache_url, **named) as url,
            httpx.AsyncClient(base_url=url, timeout=PATIENTLY, limits=AT_ONCE) as http,
        ):
            yield Door(http=http, issuer=issuer)


def of_no_algorithm(issuer: FakeIssuer) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'r1'})}.{issuer.token().split('.')[1]}."


def by_the_public_key(issuer: FakeIssuer) -> str:
    """As if it were a secret that is shared."""
    public = issuer.keys["r1"][1].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{encoded({'alg': 'HS256', 'kid': 'r1'})}.{issuer.token().split('.')[1]}"
    return f"{signed}.{base64url(hmac.digest(pem, signed.encode(), sha256))}"


def by_a_stranger(issuer: FakeIssuer, kid: str = "r1", **head: object) -> str:
    stranger = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(issuer.claims(), stranger, algorithm="ES256", headers={"kid": kid} | head)


def with_two_signatures(issuer: FakeIssuer) -> str:
    head, body, signature = issuer.token().split(".")
    return f"{head}.{body}.{signature}.{signature}"


def of_two_signers(issuer: FakeIssuer) -> str:
    """JSON's way to write a token down, in which there may be many."""
    signers = []
    for kid in ("r1", "e1"):
        head, body, signature = issuer.token(kid).split(".")
        signers.append({"protected": head, "signature": signature})
    return json.dumps({"payload": body, "signatures": signers}, separators=(",", ":"))


BAD: dict[str, Callable[[FakeIssuer], str]] = {
    "no algorithm": of_no_algorithm,
    "HS256 by the public key": by_the_public_key,
    "of a stranger's key": by_a_stranger,
    "of a key that nobody knows": lambda issuer: by_a_stranger(issuer, "nobody's"),
    "with its keys elsewhere": lambda issuer: issuer.token(head={"jku": f"{issuer.url}/keys"}),
    "for another audience": lambda issuer: issuer.token(aud="another"),
    "of another issuer": lambda issuer: issuer.token(iss="https://elsewhere.example"),
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 60),
    "not valid yet": lambda issuer: issuer.token(nbf=int(time.time()) + 600),
    "with two signatures": with_two_signatures,
    "of two signers": of_two_signers,
    "of ten kilobytes": lambda issuer: issuer.token(pad="x" * TEN_KB),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_is_told_to_sign_in(door: Door, kind: str) -> None:
    answer = await door.asks(BAD[kind](door.issuer))

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await door.lets_in(door.issuer.token("e1")) == {200}


async def test_a_flood_of_unknown_keys_is_one_question_to_the_issuer(door: Door) -> None:
    await door.lets_in(door.issuer.token("e1"))
    before = door.issuer.asked_for_keys
    unknown = [by_a_stranger(door.issuer, f"{uuid4()}") for _ in range(20)]

    told = await door.lets_in(*unknown * (FLOOD // len(unknown)))

    assert told == {401}
    assert door.issuer.asked_for_keys - before <= 1


async def test_no_request_fails_while_keys_are_rotated(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issuer signs by a new key, and takes the old one away when its tokens have ended."""
    monkeypatch.setattr(keys, "AT_MOST_EVERY_SECONDS", 0.0)
    old = [door.issuer.token("r1", sub=f"old {number}") for number in range(20)]
    assert await door.lets_in(*old) == {200}

    door.issuer.keys["r2"] = (
        "RS256",
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    new = [door.issuer.token("r2", sub=f"new {number}") for number in range(20)]

    assert await door.lets_in(*old, *new, *old) == {200}


async def test_who_is_signed_in_goes_on_while_the_issuer_is_away(
    clinic_database: Database, cache_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys are looked for in vain again and again, as in ten minutes or an hour."""
    monkeypatch.setattr(keys, "AGAIN_SECONDS", 0.02)
    async with running_issuer() as issuer:
        named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
        async with (
            serving(clinic_database, cache_url, **named) as url,
            httpx.AsyncClient(base_url=url, timeout=PATIENTLY, limits=AT_ONCE) as http,
            aclosing(connect_redis(cache_url, name="test")) as redis,
        ):
            door = Door(http=http, issuer=issuer)
            signed_in = issuer.token("e1")
            assert await door.lets_in(signed_in) == {200}
            session = await Sessions(SessionStore(redis)).begin(a_claim(), "an id token")
            issuer.is_away = True
            issuer.turned_away = 0

            async with asyncio.timeout(60):
                while issuer.turned_away < 20:  # noqa: ASYNC110 - another task raises no event
                    await asyncio.sleep(0.02)

            assert await door.lets_in(signed_in, issuer.token("r1"), issuer.token("e1")) == {200}
            assert await door.lets_in(by_a_stranger(issuer, "unknown")) == {401}
            page = await http.get(
                url.replace("/api/v1", "/manage"),
                headers={"cookie": f"{COOKIE}={session}", "accept": "text/html"},
            )
            assert page.status_code == 200


def a_claim() -> Claims:
    return Claims(
        subject=f"manager-{uuid4()}",
        roles=frozenset({Role.MANAGER}),
        expires_at=0.0,
        patient_id=None,
        practitioner_id=None,
        clinic_ids=frozenset(),
    )
