"""Callers by their token, or by the session that their browser's cookie names."""

from starlette.requests import HTTPConnection
from structlog import get_logger

from adapters.oidc.keys import IssuerAway
from adapters.oidc.tokens import BadToken, Claims, Tokens
from api.http.actor import GOOD_UNTIL, unauthenticated
from api.http.problems import unavailable
from api.sign_in.accounts import Accounts
from api.sign_in.sessions import Sessions
from domain.actors import Actor

log = get_logger(__name__)


class SignIn:
    """Knows callers of one issuer."""

    def __init__(self, accounts: Accounts, tokens: Tokens, sessions: Sessions) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._sessions = sessions

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        token = _bearer(connection)
        if token is None:
            claims = await self._sessions.claims_of(connection)
            if claims is None:
                raise unauthenticated()
            return await self.known(claims)
        try:
            claims = await self._tokens.claims_of(token)
            connection.scope[GOOD_UNTIL] = claims.expires_at
            return await self.known(claims)
        except BadToken as bad:
            log.info("token_refused", why=str(bad))
            raise unauthenticated("The access token is not good here.") from None
        except IssuerAway:
            raise unavailable() from None

    async def known(self, claims: Claims) -> Actor:
        """What the issuer says, and what is known here beside it."""
        account = await self._accounts.of(claims.subject, claims.patient_id)
        return Actor(
            subject=claims.subject,
            roles=claims.roles,
            patient_id=account.patient_id,
            practitioner_id=claims.practitioner_id or account.practitioner_id,
            clinic_ids=claims.clinic_ids | account.clinic_ids,
            proxy_for=account.proxy_for,
        )

    def forget_accounts(self) -> None:
        """At once; other processes hear of it a moment later."""
        self._accounts.forget()


def _bearer(connection: HTTPConnection) -> str | None:
    """The token, if one is sent; whatever else is sent in its place is a bad one."""
    sent = connection.headers.getlist("authorization")
    if not sent:
        return None
    scheme, _, token = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        raise unauthenticated("Send one access token, as a Bearer.")
    return token.strip()
