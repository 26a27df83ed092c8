"""Somebody who has signed in at a browser: a session, without the issuer's forms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from adapters.oidc.tokens import Claims
from adapters.redis.cache import connect_redis
from adapters.redis.sessions import SessionStore
from api.sign_in.sessions import COOKIE, Sessions
from domain.actors import Role


@asynccontextmanager
async def at_a_browser(
    api: str, cache_url: str, subject: str, *, patient_id: UUID | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A patient; which one, the token says or the clinic knows."""
    claims = Claims(
        subject=subject,
        roles=frozenset({Role.PATIENT}),
        expires_at=0.0,
        patient_id=patient_id,
        practitioner_id=None,
        clinic_ids=frozenset(),
    )
    redis = connect_redis(cache_url, name="test")
    key = await Sessions(SessionStore(redis)).begin(claims, "identity")
    await redis.aclose()
    root = api.removesuffix("/api/v1")
    headers = {
        "accept": "text/html",
        "accept-language": "en",
        "origin": root,
        "cookie": f"{COOKIE}={key}",
    }
    async with httpx.AsyncClient(base_url=root, timeout=20, headers=headers) as http:
        yield http
