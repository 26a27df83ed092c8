"""An issuer of the benchmark's own: as many access tokens as it takes, for whichever patient."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from stack.ports import LOOPBACK, Ports

TokenOf = Callable[[str], str]
"""The access token of a patient, by its id."""

LASTS_SECONDS = 36_000
NOBODY_IS_LIMITED = {"PRIYOM_RATE_LIMIT": "1000000,1000000"}
"""Every request is counted, and none is refused."""


class Issuer:
    """Signs access tokens, and shows its key to whoever asks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._signed = 0
        self._of: dict[str, str] = {}

    @property
    def settings(self) -> dict[str, str]:
        """For a stack or an API whose callers come with these tokens."""
        return {
            "PRIYOM_SIGN_IN": "on",
            "PRIYOM_OIDC_ISSUER": self.url,
            "PRIYOM_OIDC_AUDIENCE": "priyom",
        }

    def token_of(self, patient_id: str) -> str:
        """The same one each time, as a client uses its own."""
        known = self._of.get(patient_id)
        if known is None:
            known = self._of[patient_id] = self.new_token(patient_id)
        return known

    def new_token(self, patient_id: str) -> str:
        """Another one each time."""
        self._signed += 1
        claims = {
            "iss": self.url,
            "aud": "priyom",
            "sub": f"patient {patient_id}",
            "exp": int(time.time()) + LASTS_SECONDS,
            "jti": str(self._signed),
            "roles": ["patient"],
            "patient_id": patient_id,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": "bench"})

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def keys(self, _: web.Request) -> web.Response:
        public = json.loads(str(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key())))
        return web.json_response({"keys": [{**public, "kid": "bench", "use": "sig"}]})


@asynccontextmanager
async def issuing(ports: Ports) -> AsyncIterator[Issuer]:
    """Answers on loopback until the block ends."""
    port = ports.take()
    issuer = Issuer(f"http://{LOOPBACK}:{port}")
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    app.router.add_get("/keys", issuer.keys)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield issuer
    finally:
        await runner.cleanup()
