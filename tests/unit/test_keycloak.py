"""Keycloak as an issuer: its realm file gives the claims that are read here, in its own shape.

No Keycloak runs here. `TOKEN` is what version 26 writes for a user of this realm.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import jwt
import pytest
import yaml

from adapters.oidc.keys import Issuer
from adapters.oidc.tokens import BadToken, Tokens
from adapters.process.settings import Product
from domain.actors import SIGNED_IN, Role
from stack.home import CHECKOUT
from stack.servers.issuer import CALLBACK
from tests.fakes.issuer import FakeIssuer, running_issuer

REALM: dict[str, Any] = json.loads((CHECKOUT / "deploy/keycloak/priyom-realm.json").read_text())
PAGES = next(each for each in REALM["clients"] if each["clientId"] == "priyom-pages")
ROLE_CLAIM = "realm_access.roles"
"""Keycloak's own, by the scope `roles` that every realm has; PRIYOM_ROLE_CLAIM names it."""

ANNA, CLINIC = UUID(int=0xA1), UUID(int=0xC1)
TOKEN: dict[str, object] = {
    "jti": "onrtac:6a5c1f0e-93f5-4f55-a6b8-6f2f6b9f4f1a",
    "aud": ["priyom", "account"],
    "sub": "f1f5b1d0-52a1-4c6a-8a3c-2f7f7d3a9b10",
    "typ": "Bearer",
    "azp": "priyom-pages",
    "sid": "6e0c7f0b-31a5-4f0e-9a51-1c1f4a8d4c3e",
    "acr": "1",
    "realm_access": {
        "roles": ["default-roles-priyom", "offline_access", "uma_authorization", "reception"]
    },
    "resource_access": {"account": {"roles": ["manage-account", "view-profile", "manager"]}},
    "scope": "openid email profile",
    "email_verified": True,
    "name": "Anna Somebody",
    "preferred_username": "anna",
    "patient_id": str(ANNA),
    "clinic_ids": [str(CLINIC)],
}
HEAD: dict[str, object] = {"typ": "JWT", "kid": "r1"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeIssuer]:
    async with running_issuer() as issuer:
        yield issuer


def tokens_of(fake: FakeIssuer) -> Tokens:
    return Tokens(Issuer(fake.url), audience="priyom", role_claim=ROLE_CLAIM)


def written(fake: FakeIssuer, **changes: object) -> str:
    """As Keycloak signs it; it writes no claim called `roles` by itself."""
    return fake.token("r1", head=HEAD, **{**TOKEN, "roles": None, **changes})


async def test_an_access_token_of_keycloak_says_who_calls(fake: FakeIssuer) -> None:
    claims = await tokens_of(fake).claims_of(written(fake))

    assert claims.subject == TOKEN["sub"]
    assert claims.roles == {Role.RECEPTION}, "roles of another client are none of ours"
    assert (claims.patient_id, claims.practitioner_id) == (ANNA, None)
    assert claims.clinic_ids == {CLINIC}


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "ID", "aud": "priyom-pages"},
        {"typ": "ID"},
        {"aud": "account"},
        {"aud": None},
        {"typ": "Refresh", "aud": "http://keycloak.localhost:8180/realms/priyom"},
    ],
    ids=[
        "an id token",
        "one with our audience",
        "of another client",
        "without our audience",
        "a refresh token",
    ],
)
async def test_other_tokens_of_keycloak_prove_nothing(
    fake: FakeIssuer, changes: dict[str, object]
) -> None:
    with pytest.raises(BadToken):
        await tokens_of(fake).claims_of(written(fake, **changes))


async def test_a_refresh_token_is_signed_with_a_secret_of_keycloak_and_proves_nothing(
    fake: FakeIssuer,
) -> None:
    signed = jwt.encode(
        fake.claims(typ="Refresh"), b"k" * 64, algorithm="HS512", headers={"kid": "r1"}
    )

    with pytest.raises(BadToken):
        await tokens_of(fake).claims_of(signed)


def claims_given() -> Iterator[tuple[str, type]]:
    """What the mappers of the pages' client put into an access token, and in which shape."""
    for mapper in PAGES["protocolMappers"]:
        how = mapper["config"]
        assert how["access.token.claim"] == "true"
        if mapper["protocolMapper"] == "oidc-usermodel-attribute-mapper":
            assert how["user.attribute"] == how["claim.name"]
            yield how["claim.name"], list if how["multivalued"] == "true" else str


def test_the_realms_mappers_give_the_claims_that_are_read() -> None:
    given = dict(claims_given())

    assert given == {"patient_id": str, "practitioner_id": str, "clinic_ids": list}
    assert all(isinstance(TOKEN[name], given[name]) for name in given.keys() & TOKEN.keys())


@pytest.mark.parametrize("client", REALM["clients"], ids=lambda client: client["clientId"])
def test_every_client_of_the_realm_gets_tokens_for_us_with_its_roles(
    client: dict[str, Any],
) -> None:
    audiences = {
        mapper["config"]["included.custom.audience"]
        for mapper in client["protocolMappers"]
        if mapper["protocolMapper"] == "oidc-audience-mapper"
    }

    assert audiences == {Product.model_fields["oidc_audience"].default}
    assert {"basic", "roles"} <= set(client["defaultClientScopes"]), "sub and realm_access"
    assert client["secret"].startswith("${"), "no secret stands in the file"


def test_the_realm_has_our_roles_and_our_pages() -> None:
    assert {each["name"] for each in REALM["roles"]["realm"]} == {role.value for role in SIGNED_IN}
    assert PAGES["redirectUris"] == [f"${{PRIYOM_PUBLIC_URL}}{CALLBACK}"]
    assert PAGES["attributes"]["pkce.code.challenge.method"] == "S256"
    assert not PAGES["implicitFlowEnabled"]
    assert not PAGES["directAccessGrantsEnabled"]


def test_nobody_gives_himself_a_record_or_a_clinic() -> None:
    """What a user may edit in Keycloak must not be what we believe of him."""
    [provider] = REALM["components"]["org.keycloak.userprofile.UserProfileProvider"]
    profile = json.loads(provider["config"]["kc.user.profile.config"][0])
    edited = {each["name"]: each["permissions"]["edit"] for each in profile["attributes"]}

    assert [edited[name] for name, _ in claims_given()] == [["admin"]] * 3
    assert "unmanagedAttributePolicy" not in profile


def test_the_compose_file_starts_this_realm() -> None:
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    keycloak = compose["services"]["keycloak"]

    assert compose["configs"]["realm"]["file"] == "deploy/keycloak/priyom-realm.json"
    assert keycloak["command"] == ["start-dev", "--import-realm"]
    needed = {
        each.strip("${}").partition("}")[0] for each in texts(REALM) if each.startswith("${P")
    }
    assert needed <= keycloak["environment"].keys()


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)
