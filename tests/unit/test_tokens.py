"""Which access tokens are believed, and how seldom the issuer is asked for its keys."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.oidc.keys import LARGEST_DOCUMENT, Issuer, IssuerAway, keys_of
from adapters.oidc.tokens import LONGEST, BadToken, Tokens
from domain.actors import Role
from tests.fakes.issuer import AUDIENCE, FakeIssuer, running_issuer

ANNA = UUID("00000000-0000-4000-8000-0000000000a1")


@dataclass(frozen=True)
class Desk:
    """The fake issuer, and what checks its tokens."""

    fake: FakeIssuer
    issuer: Issuer
    tokens: Tokens

    async def why_refused(self, token: str) -> str:
        with pytest.raises(BadToken) as refused:
            await self.tokens.claims_of(token)
        return str(refused.value)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encoded(head: dict[str, object]) -> str:
    return base64url(json.dumps(head).encode())


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with running_issuer() as fake:
        issuer = Issuer(fake.url)
        yield Desk(fake, issuer, Tokens(issuer, audience=AUDIENCE, role_claim="roles"))


@pytest.mark.parametrize("kid", ["r1", "e1", "d1"])
async def test_a_token_by_each_algorithm_tells_who_calls(desk: Desk, kid: str) -> None:
    token = desk.fake.token(
        kid, patient_id=str(ANNA), clinic_ids=[str(ANNA), "?"], roles=["patient", "king"]
    )

    claims = await desk.tokens.claims_of(token)

    assert (claims.subject, claims.roles) == ("anna", frozenset({Role.PATIENT}))
    assert (claims.patient_id, claims.practitioner_id) == (ANNA, None)
    assert claims.clinic_ids == frozenset({ANNA})


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"token_use": "id"},
        {"token_type": "refresh"},
    ],
    ids=str,
)
async def test_a_claim_that_is_wrong_or_missing_proves_nothing(
    desk: Desk, changes: dict[str, Any]
) -> None:
    assert await desk.why_refused(desk.fake.token(**changes))


@pytest.mark.parametrize(
    "head",
    [
        {"jku": "https://elsewhere.example/keys"},
        {"x5u": "https://elsewhere.example/cert"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"crit": ["exp"]},
        {"typ": "dpop+jwt"},
        {"typ": ["JWT"]},
        {"typ": {}},
        {"kid": 7},
        {"kid": "unknown"},
    ],
    ids=str,
)
async def test_a_head_that_says_more_or_less_than_it_may_proves_nothing(
    desk: Desk, head: dict[str, object]
) -> None:
    body = desk.fake.token().split(".")[1]
    changed = encoded({"alg": "RS256", "typ": "JWT", "kid": "r1"} | head)

    assert await desk.why_refused(f"{changed}.{body}.AAAA")


async def test_no_algorithm_is_none_and_a_public_key_is_no_secret(desk: Desk) -> None:
    body = desk.fake.token().split(".")[1]
    public = desk.fake.keys["r1"][1].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    none = f"{encoded({'alg': 'none', 'kid': 'r1'})}.{body}"
    shared = f"{encoded({'alg': 'HS256', 'kid': 'r1'})}.{body}"
    signature = hmac.digest(pem, shared.encode(), sha256)

    assert await desk.why_refused(f"{none}.") == "no such key of the issuer"
    assert await desk.why_refused(f"{shared}.{base64url(signature)}") == "no such key of the issuer"


async def test_a_key_serves_for_its_own_algorithm_only(desk: Desk) -> None:
    other = jwt.encode(
        desk.fake.claims(), desk.fake.keys["r1"][1], algorithm="RS512", headers={"kid": "r1"}
    )

    assert await desk.why_refused(other) == "no such key of the issuer"


async def test_what_is_no_token_of_one_signature_proves_nothing(desk: Desk) -> None:
    token = desk.fake.token()

    assert await desk.why_refused(f"{token}.{token.rpartition('.')[2]}")
    assert await desk.why_refused("")
    assert await desk.why_refused("a.b.c")
    assert await desk.why_refused(desk.fake.token(pad="x" * LONGEST))
    assert await desk.why_refused(token[:-4] + "AAAA")


async def test_a_flood_of_unknown_keys_is_one_question_to_the_issuer(desk: Desk) -> None:
    await desk.tokens.claims_of(desk.fake.token())
    before = desk.fake.asked_for_keys
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(desk.fake.claims(), stranger, algorithm="RS256", headers={"kid": "?"})

    for _ in range(1000):
        await desk.why_refused(token)

    assert desk.fake.asked_for_keys - before == 1


async def test_keys_that_were_rotated_fail_no_request(desk: Desk) -> None:
    old = desk.fake.token()
    await desk.tokens.claims_of(old)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    desk.fake.keys["r2"] = ("RS256", key)

    claims = await desk.tokens.claims_of(desk.fake.token("r2"))

    assert claims.subject == (await desk.tokens.claims_of(old)).subject


async def test_a_key_that_is_gone_speaks_for_nobody_any_more(desk: Desk) -> None:
    token, other = desk.fake.token(), desk.fake.token("e1")
    await desk.tokens.claims_of(token)
    del desk.fake.keys["r1"]
    desk.fake.keys["e2"] = desk.fake.keys["e1"]

    await desk.tokens.claims_of(desk.fake.token("e2"))

    assert await desk.why_refused(token)
    assert (await desk.tokens.claims_of(other)).subject == "anna"


async def test_those_who_are_known_go_on_while_the_issuer_is_away(desk: Desk) -> None:
    await desk.tokens.claims_of(desk.fake.token())
    desk.fake.is_away = True

    assert (await desk.tokens.claims_of(desk.fake.token("e1"))).subject == "anna"
    assert await desk.why_refused(desk.fake.token(head={"kid": "later"}))


async def test_nobody_is_refused_for_an_issuer_that_never_answered(desk: Desk) -> None:
    desk.fake.is_away = True

    with pytest.raises(IssuerAway):
        await desk.tokens.claims_of(desk.fake.token())
    with pytest.raises(IssuerAway):
        await desk.issuer.endpoint("token_endpoint")


async def test_keys_that_come_in_pieces_are_read_to_their_end(desk: Desk) -> None:
    desk.fake.pause_seconds = 0.05

    claims = await desk.tokens.claims_of(desk.fake.token())

    assert claims.subject == "anna"
    assert desk.fake.asked_for_keys == 1


async def test_keys_are_read_up_to_a_length_and_refused_beyond_it(desk: Desk) -> None:
    length = len(json.dumps(desk.fake.published()))
    desk.fake.padding = " " * (LARGEST_DOCUMENT - length + 1)

    with pytest.raises(IssuerAway):
        await desk.tokens.claims_of(desk.fake.token())
    desk.fake.padding = desk.fake.padding[1:]

    assert (await desk.tokens.claims_of(desk.fake.token())).subject == "anna"


async def test_an_issuer_by_another_name_gives_no_keys(desk: Desk) -> None:
    issuer = Issuer(f"{desk.fake.url}/")

    with pytest.raises(IssuerAway):
        await Tokens(issuer, audience=AUDIENCE, role_claim="roles").claims_of(desk.fake.token())


async def test_the_keys_are_fetched_before_anybody_asks(desk: Desk) -> None:
    async with desk.issuer:
        claims = await desk.tokens.claims_of(desk.fake.token())

    assert claims.subject == "anna"
    assert desk.fake.asked_for_keys == 1


async def test_a_token_like_keycloaks_is_read_by_the_claim_that_is_named(desk: Desk) -> None:
    tokens = Tokens(desk.issuer, audience=AUDIENCE, role_claim="realm_access.roles")
    like_keycloaks = desk.fake.token(
        aud=["priyom", "account"],
        sub="f8b2c1de-8a52-4d0c-9c0e-5f7c9d9b6d10",
        typ="Bearer",
        azp="priyom-pages",
        roles=None,
        realm_access={"roles": ["offline_access", "reception", "uma_authorization"]},
        resource_access={"account": {"roles": ["view-profile"]}},
        scope="openid",
    )

    claims = await tokens.claims_of(like_keycloaks)

    assert claims.roles == frozenset({Role.RECEPTION})


async def test_roles_that_are_no_list_are_none(desk: Desk) -> None:
    claims = await desk.tokens.claims_of(desk.fake.token(roles="manager", patient_id="no id"))

    assert (claims.roles, claims.patient_id) == (frozenset(), None)


def test_a_key_set_is_read_for_what_is_of_use_in_it() -> None:
    good = FakeIssuer().published()["keys"]

    found = keys_of(
        {
            "keys": [
                *good,
                {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
                {**good[0], "kid": "for encryption", "use": "enc"},
                {**good[0], "kid": "other algorithm", "alg": "PS256"},
                {"kty": "RSA", "kid": "half", "use": "sig"},
            ]
        }
    )

    assert found.keys() == {"r1", "e1", "d1"}
