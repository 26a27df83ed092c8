"""Keycloak as an issuer: its realm file gives the claims that are read here, in its own shape.

No Keycloak runs here. `RECORDED` are the heads and the claims of tokens that Keycloak 26.7.3 gave
to people and to a client of this realm, by the flows that pages and machines use.
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

RECORDED: dict[str, Any] = json.loads(
    (CHECKOUT / "tests" / "fakes" / "keycloak_tokens.json").read_text()
)
ANNA, CLINICS = UUID(int=0xA1), {UUID(int=0xC1), UUID(int=0xC2)}
OF_ITS_TIME = {"iss", "iat", "exp", "auth_time"}
"""What a token of now has otherwise."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeIssuer]:
    async with running_issuer() as issuer:
        yield issuer


def tokens_of(fake: FakeIssuer) -> Tokens:
    return Tokens(Issuer(fake.url), audience="priyom", role_claim=ROLE_CLAIM)


def written(fake: FakeIssuer, token: str, **changes: object) -> str:
    """As it was recorded, signed by the key of now; Keycloak writes no claim called `roles`."""
    recorded = RECORDED[token]
    claims = {name: each for name, each in recorded["claims"].items() if name not in OF_ITS_TIME}
    head = {"typ": recorded["head"]["typ"]}
    return fake.token("r1", head=head, **{**claims, "roles": None, **changes})


@pytest.mark.parametrize(
    ("token", "role", "patient_id", "clinic_ids"),
    [
        ("anna's access token", Role.PATIENT, ANNA, set()),
        ("olga's access token", Role.RECEPTION, None, CLINICS),
        ("prometheus's access token", Role.OPERATIONS, None, set()),
    ],
)
async def test_an_access_token_of_keycloak_says_who_calls(
    token: str, role: Role, patient_id: UUID | None, clinic_ids: set[UUID], fake: FakeIssuer
) -> None:
    of_another = {"resource_access": {"account": {"roles": ["manage-account", "manager"]}}}

    claims = await tokens_of(fake).claims_of(written(fake, token, **of_another))

    assert claims.subject == RECORDED[token]["claims"]["sub"]
    assert claims.roles == {role}, "roles of another client are none of ours"
    assert (claims.patient_id, claims.practitioner_id) == (patient_id, None)
    assert claims.clinic_ids == clinic_ids


@pytest.mark.parametrize(
    ("token", "changes"),
    [
        ("anna's id token", {}),
        ("anna's id token", {"aud": "priyom"}),
        ("anna's access token", {"aud": "account"}),
        ("anna's access token", {"aud": None}),
        ("anna's refresh token", {"aud": ["priyom", "account"]}),
    ],
    ids=[
        "an id token",
        "one with our audience",
        "of another client",
        "without our audience",
        "a refresh token with our audience",
    ],
)
async def test_other_tokens_of_keycloak_prove_nothing(
    token: str, changes: dict[str, object], fake: FakeIssuer
) -> None:
    with pytest.raises(BadToken):
        await tokens_of(fake).claims_of(written(fake, token, **changes))


async def test_a_refresh_token_is_signed_with_a_secret_of_keycloak_and_proves_nothing(
    fake: FakeIssuer,
) -> None:
    recorded = RECORDED["anna's refresh token"]
    claims = fake.claims(typ=recorded["claims"]["typ"])
    head = {**recorded["head"], "kid": "r1"}
    signed = jwt.encode(claims, b"k" * 64, algorithm=head["alg"], headers=head)

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
    for token in ("anna's access token", "olga's access token"):
        recorded = RECORDED[token]["claims"]
        assert all(isinstance(recorded[name], given[name]) for name in given.keys() & recorded)


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
