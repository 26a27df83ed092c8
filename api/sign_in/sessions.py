"""Sessions of the pages: kept at the server, named by a cookie that says nothing by itself.

What is kept is sealed by a key that only the cookie has: an issuer's words about a person, such as
a name, are read by nobody who reads the store, also after the person was erased here.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import HTTPConnection
from starlette.responses import Response

from adapters.oidc.tokens import Claims
from adapters.redis.sessions import SessionStore, StoreAway
from api.http.problems import unavailable
from domain.actors import Role

COOKIE = "__Host-session"
"""Bound to this very host, by TLS only. Browsers take loopback for safe without TLS."""

LONGEST_SECONDS = 12 * 60 * 60
"""A working day; then whoever it is signs in again."""

KEY_LENGTH = 43
FOUND = "priyom.session"
"""In the scope of a request: its session, which is looked for once."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who a browser is signed in as. The issuer may be away: the session is good by itself."""

    claims: Claims
    identity: str
    begun_at: float
    chosen: UUID | None = None


class Sessions:
    """The sessions of all browsers. In the store they are under a digest of what the cookie has."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    async def begin(self, claims: Claims, identity: str) -> str:
        """What the cookie is to say: new at every sign-in."""
        key = secrets.token_urlsafe(32)
        await self._keep(key, Session(claims=claims, identity=identity, begun_at=time.time()))
        return key

    async def find(self, connection: HTTPConnection) -> Session | None:
        key = _key_of(connection)
        if key is None:
            return None
        found = connection.scope.get(FOUND)
        if isinstance(found, Session):
            return found
        try:
            record = await self._store.find(_digest(key))
        except StoreAway:
            raise unavailable() from None
        session = connection.scope[FOUND] = None if record is None else _opened(key, record)
        return session

    async def claims_of(self, connection: HTTPConnection) -> Claims | None:
        session = await self.find(connection)
        return None if session is None else session.claims

    async def choose(self, connection: HTTPConnection, patient_id: UUID) -> None:
        """Whom the browser's person books for from now on."""
        key, session = _key_of(connection), await self.find(connection)
        if key is not None and session is not None:
            await self._keep(key, Session(**{**vars(session), "chosen": patient_id}))

    async def end(self, connection: HTTPConnection) -> Session | None:
        """The session that was, if there was one."""
        key, session = _key_of(connection), await self.find(connection)
        if key is not None:
            await self._store.drop(_digest(key))
        return session

    async def _keep(self, key: str, session: Session) -> None:
        left = int(session.begun_at + LONGEST_SECONDS - time.time())
        await self._store.keep(_digest(key), _sealed(key, session), left)


def set_cookie(answer: Response, key: str) -> None:
    answer.set_cookie(
        COOKIE, key, max_age=LONGEST_SECONDS, httponly=True, samesite="lax", secure=True, path="/"
    )


def drop_cookie(answer: Response) -> None:
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=True, path="/")


def _key_of(connection: HTTPConnection) -> str | None:
    key = connection.cookies.get(COOKIE)
    return key if key is not None and len(key) == KEY_LENGTH and key.isascii() else None


def _digest(key: str) -> str:
    """Whoever reads the store cannot sign in with what stands there."""
    return hashlib.sha256(key.encode()).hexdigest()


def _sealed(key: str, session: Session) -> dict[str, object]:
    return {"sealed": _seal_of(key).encrypt(json.dumps(_record(session)).encode()).decode()}


def _opened(key: str, kept: Mapping[str, object]) -> Session | None:
    """What an older build has kept is no session of this one."""
    try:
        return _session(json.loads(_seal_of(key).decrypt(str(kept.get("sealed")))))
    except (InvalidToken, KeyError, ValueError):
        return None


def _seal_of(key: str) -> Fernet:
    """Another digest than the one that the record is kept under."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"seal:{key}".encode()).digest()))


def _record(session: Session) -> dict[str, object]:
    claims = session.claims
    return {
        "subject": claims.subject,
        "roles": sorted(claims.roles),
        "patient": _text(claims.patient_id),
        "practitioner": _text(claims.practitioner_id),
        "clinics": [str(each) for each in claims.clinic_ids],
        "identity": session.identity,
        "begun": session.begun_at,
        "chosen": _text(session.chosen),
    }


def _session(record: dict[str, object]) -> Session:
    claims = Claims(
        subject=str(record["subject"]),
        roles=frozenset(Role(role) for role in _list(record["roles"])),
        expires_at=0.0,
        patient_id=_id(record["patient"]),
        practitioner_id=_id(record["practitioner"]),
        clinic_ids=frozenset(UUID(each) for each in _list(record["clinics"])),
    )
    return Session(
        claims=claims,
        identity=str(record["identity"]),
        begun_at=float(str(record["begun"])),
        chosen=_id(record["chosen"]),
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _id(value: object) -> UUID | None:
    return None if value is None else UUID(str(value))


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
