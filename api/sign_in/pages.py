"""Sign-in of the pages: to the issuer, back with a code, and a session at the end."""

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.oidc.code import Attempt, CodeFlow, new_attempt
from adapters.oidc.keys import IssuerAway
from adapters.oidc.tokens import BadToken, Tokens
from adapters.redis.sessions import SessionStore, StoreAway
from api.http.actor import unauthenticated
from api.http.problems import unavailable
from api.sign_in.sessions import Sessions, drop_cookie, set_cookie

ATTEMPT = "__Host-sign-in"
"""The cookie that binds the issuer's answer to the browser that asked for it."""

ATTEMPT_SECONDS = 600
CALLBACK = "/sign-in/callback"


def see(place: str) -> Response:
    return RedirectResponse(place, status_code=303, headers={"cache-control": "no-store"})


def _on_to(place: str) -> Response:
    """To another site after a form, which our own policy lets nobody be redirected to."""
    return Response(headers={"refresh": f"0; url={place}", "cache-control": "no-store"})


@dataclass(frozen=True, kw_only=True)
class PageSignIn:
    """How browsers sign in and out."""

    flow: CodeFlow
    tokens: Tokens
    sessions: Sessions
    store: SessionStore
    public_url: str

    @property
    def callback(self) -> str:
        return f"{self.public_url.rstrip('/')}{CALLBACK}"

    async def begin(self, back: str) -> Response:
        """`back`: the path of ours to end at."""
        attempt, key = new_attempt(), secrets.token_urlsafe(32)
        record = {**vars(attempt), "back": back}
        try:
            await self.store.keep(f"attempt:{key}", record, ATTEMPT_SECONDS)
            answer = see(await self.flow.begin(attempt, callback=self.callback))
        except (StoreAway, IssuerAway):
            raise unavailable() from None
        answer.set_cookie(
            ATTEMPT, key, max_age=ATTEMPT_SECONDS, httponly=True, samesite="lax", secure=True
        )
        return answer

    async def finish(self, request: Request, *, code: str | None, state: str | None) -> Response:
        """The session is a new one, whatever the browser had before."""
        key = request.cookies.get(ATTEMPT, "")
        try:
            record = await self.store.take(f"attempt:{key}")
            if record is None or code is None or state != record["state"]:
                raise unauthenticated("This sign-in is not the one that was begun here.")
            attempt = Attempt(
                state=str(record["state"]),
                nonce=str(record["nonce"]),
                verifier=str(record["verifier"]),
            )
            access, identity = await self.flow.finish(attempt, code, callback=self.callback)
            claims = await self.tokens.claims_of(access)
            await self.sessions.end(request)
            session = await self.sessions.begin(claims, identity)
        except BadToken:
            raise unauthenticated("The issuer's answer is not good here.") from None
        except (StoreAway, IssuerAway):
            raise unavailable() from None
        answer = see(str(record["back"]))
        set_cookie(answer, session)
        answer.delete_cookie(ATTEMPT, httponly=True, samesite="lax", secure=True)
        return answer

    async def end(self, request: Request) -> Response:
        """Here first; then at the issuer, where it has a place for that."""
        try:
            session = await self.sessions.end(request)
        except StoreAway:
            raise unavailable() from None
        place = None
        if session is not None:
            place = await self.flow.end(session.identity, back=f"{self.public_url.rstrip('/')}/")
        answer = see("/") if place is None else _on_to(place)
        drop_cookie(answer)
        return answer
