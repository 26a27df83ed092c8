"""Callers by their token, or by the session that their browser's cookie names."""

import time
from collections import OrderedDict
from uuid import UUID

from starlette.requests import HTTPConnection
from structlog import get_logger

from adapters.oidc.keys import IssuerAway
from adapters.oidc.tokens import BadToken, Claims, Tokens
from adapters.postgres.accounts import Account, account_of
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from api.http.actor import unauthenticated
from api.http.problems import unavailable
from api.sign_in.sessions import Sessions
from domain.actors import Actor

REMEMBERED_SECONDS = 1.0
"""How long it is believed what a subject is here: a request is often followed by another."""
REMEMBERED = 2048

Known = tuple[str, UUID | None]
"""A subject, and the patient that its token names."""

log = get_logger(__name__)


class SignIn:
    """Knows callers of one issuer."""

    def __init__(self, database: Database, tokens: Tokens, sessions: Sessions, issuer: str) -> None:
        self._database = database
        self._tokens = tokens
        self._sessions = sessions
        self._issuer = issuer
        self._accounts: OrderedDict[Known, tuple[float, Account]] = OrderedDict()

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        token = _bearer(connection)
        if token is None:
            claims = await self._sessions.claims_of(connection)
            if claims is None:
                raise unauthenticated()
            return await self.known(claims)
        try:
            return await self.known(await self._tokens.claims_of(token))
        except BadToken as bad:
            log.info("token_refused", why=str(bad))
            raise unauthenticated("The access token is not good here.") from None
        except IssuerAway:
            raise unavailable() from None

    async def known(self, claims: Claims) -> Actor:
        """What the issuer says, and what is known here beside it."""
        account = await self._account(claims)
        return Actor(
            subject=claims.subject,
            roles=claims.roles,
            patient_id=account.patient_id,
            practitioner_id=claims.practitioner_id or account.practitioner_id,
            clinic_ids=claims.clinic_ids | account.clinic_ids,
            proxy_for=account.proxy_for,
        )

    def forget_accounts(self) -> None:
        """Other processes believe what they know for a second more."""
        self._accounts = OrderedDict()

    async def _account(self, claims: Claims) -> Account:
        asked_at, subject, patient_id = time.monotonic(), claims.subject, claims.patient_id
        accounts, key = self._accounts, (subject, patient_id)
        looked_at, account = accounts.get(key, (0.0, None))
        if account is not None and asked_at - looked_at < REMEMBERED_SECONDS:
            return account
        account = await read_by_cursor(
            self._database,
            lambda cursor: account_of(cursor, self._issuer, subject, patient_id=patient_id),
        )
        accounts[key] = asked_at, account  # those that were forgotten meanwhile stay forgotten
        if len(accounts) > REMEMBERED:
            accounts.popitem(last=False)
        return account


def _bearer(connection: HTTPConnection) -> str | None:
    """The token, if one is sent; whatever else is sent in its place is a bad one."""
    sent = connection.headers.getlist("authorization")
    if not sent:
        return None
    scheme, _, token = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        raise unauthenticated("Send one access token, as a Bearer.")
    return token.strip()
