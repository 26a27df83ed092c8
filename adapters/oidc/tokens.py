"""Access tokens: what is believed of one, and every reason to believe none of it."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from adapters.oidc.keys import Issuer
from domain.actors import SIGNED_IN, Role

LONGEST = 8 * 1024
LEEWAY_SECONDS = 1
"""Between the issuer's clock and ours."""

REFUSED_HEADERS = {"jku", "jwk", "x5u", "x5c", "crit"}
"""A token does not say where its key is, and has nothing that is not understood here."""

TYPES = (None, "JWT", "jwt", "at+jwt", "application/at+jwt")
REQUIRED = ["iss", "aud", "exp", "sub"]
REMEMBERED = 4096


class BadToken(Exception):
    """The token proves nothing; the message says why, for nobody but the log."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What the issuer says of the caller; ids where it knows them."""

    subject: str
    roles: frozenset[Role]
    expires_at: float
    patient_id: UUID | None
    practitioner_id: UUID | None
    clinic_ids: frozenset[UUID]


class Tokens:
    """Checks tokens of one issuer for one audience; one that was checked is not checked again."""

    def __init__(self, issuer: Issuer, *, audience: str, role_claim: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._role_claim = role_claim.split(".")
        self._checked: OrderedDict[str, Claims] = OrderedDict()
        self._of_generation = 0

    async def claims_of(self, token: str) -> Claims:
        """Raises `BadToken`, or `IssuerAway` where no key is known at all."""
        if self._of_generation != self._issuer.generation:
            self._checked.clear()  # a key that is gone speaks for nobody any more
            self._of_generation = self._issuer.generation
        known = self._checked.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        claims = self._read(await self.payload_of(token, self._audience))
        self._checked[token] = claims
        if len(self._checked) > REMEMBERED:
            self._checked.popitem(last=False)
        return claims

    async def payload_of(self, token: str, audience: str) -> Mapping[str, Any]:
        """What a token of the issuer for this audience says."""
        if len(token) > LONGEST or token.count(".") != 2:  # noqa: PLR2004 - head, body, signature
            raise BadToken("is no signed token of a size that is taken")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise BadToken(type(error).__name__) from None
        kid = header.get("kid")
        if REFUSED_HEADERS & header.keys() or header.get("typ") not in TYPES:
            raise BadToken("its head names what is not taken")
        if not isinstance(kid, str) or not isinstance(header.get("alg"), str):
            raise BadToken("it names no key")
        key = await self._issuer.key(kid)
        if key is None or header["alg"] != key.algorithm:
            raise BadToken("no such key of the issuer")
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=audience,
                issuer=self._issuer.url,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise BadToken(type(error).__name__) from None
        return payload

    def _read(self, payload: Mapping[str, Any]) -> Claims:
        subject, use = payload["sub"], payload.get("token_use", "access")
        if not isinstance(subject, str) or not subject or len(subject) > 255:  # noqa: PLR2004 - OpenID Connect's own limit
            raise BadToken("its subject is none")
        kinds = {payload.get("token_type", "Bearer"), payload.get("typ", "Bearer")}
        if use != "access" or not kinds <= {"Bearer", "access"}:
            raise BadToken("is no access token")
        return Claims(
            subject=subject,
            roles=_roles(payload, self._role_claim),
            expires_at=float(payload["exp"]),
            patient_id=_id(payload.get("patient_id")),
            practitioner_id=_id(payload.get("practitioner_id")),
            clinic_ids=_ids(payload.get("clinic_ids")),
        )


def _roles(payload: Mapping[str, Any], path: list[str]) -> frozenset[Role]:
    """By a dotted name, as Keycloak's realm_access.roles; what is no role of ours is left out."""
    found: Any = payload
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    given = found if isinstance(found, list) else []
    return frozenset(role for role in SIGNED_IN if role.value in given)


def _id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _ids(value: object) -> frozenset[UUID]:
    found = (_id(each) for each in value) if isinstance(value, list) else ()
    return frozenset(each for each in found if each is not None)
