"""Sign-in by code with PKCE (RFC 7636), as the pages do it: confidential client, one callback."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from adapters.oidc.keys import Issuer, IssuerAway
from adapters.oidc.tokens import BadToken, Tokens

SCOPE = "openid"
EXCHANGE_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What binds the issuer's answer to the browser that asked."""

    state: str
    nonce: str
    verifier: str


def new_attempt() -> Attempt:
    return Attempt(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )


class CodeFlow:
    """One client at one issuer."""

    def __init__(self, issuer: Issuer, tokens: Tokens, *, client_id: str, secret: str) -> None:
        self._issuer = issuer
        self._tokens = tokens
        self._client_id = client_id
        self._secret = secret

    async def begin(self, attempt: Attempt, *, callback: str) -> str:
        """Where the browser goes to sign in."""
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": callback,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{await self._issuer.endpoint('authorization_endpoint')}?{urlencode(asked)}"

    async def finish(self, attempt: Attempt, code: str, *, callback: str) -> tuple[str, str]:
        """Access and id token; `BadToken` where the answer is not for this attempt."""
        answer = await self._exchange(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": callback,
                "code_verifier": attempt.verifier,
                "client_id": self._client_id,
            }
        )
        access, identity = answer.get("access_token"), answer.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str):
            raise BadToken("the issuer gave no tokens")
        about = await self._tokens.payload_of(identity, self._client_id)
        if about.get("nonce") != attempt.nonce:
            raise BadToken("the id token is of another attempt")
        return access, identity

    async def end(self, identity: str, *, back: str) -> str | None:
        """Where the browser goes to sign out of the issuer too, if there is such a place."""
        try:
            place = await self._issuer.endpoint("end_session_endpoint")
        except IssuerAway:
            return None
        asked = {"id_token_hint": identity, "post_logout_redirect_uri": back}
        return f"{place}?{urlencode(asked | {'client_id': self._client_id})}"

    async def _exchange(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        place = await self._issuer.endpoint("token_endpoint")
        timeout = aiohttp.ClientTimeout(total=EXCHANGE_SECONDS)
        credentials = aiohttp.BasicAuth(self._client_id, self._secret)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, auth=credentials) as http,
                http.post(place, data=form, allow_redirects=False) as answer,
            ):
                body = await answer.json(content_type=None)
                if answer.status >= 500:  # noqa: PLR2004 - HTTP's own
                    raise IssuerAway
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise IssuerAway from error
        return body if isinstance(body, dict) else {}
