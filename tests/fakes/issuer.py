"""An issuer over HTTP that signs what it is told to, and counts who asks for its keys."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
AUDIENCE = "priyom"


class FakeIssuer:
    """`keys` are those it publishes; a test may take some away or add others."""

    def __init__(self) -> None:
        self.url = ""
        self.asked_for_keys = 0
        self.is_away = False
        self.turned_away = 0
        self.pause_seconds: float | None = None
        """Between the two pieces in which it tells its keys; all at once where there is none."""

        self.padding = ""
        """Behind the keys; a document may end with any number of blanks."""

        self.keys: dict[str, tuple[str, Private]] = {
            "r1": ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
            "e1": ("ES256", ec.generate_private_key(ec.SECP256R1())),
            "d1": ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
        }

    def claims(self, **changes: object) -> dict[str, object]:
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "anna",
            "roles": ["patient"],
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in (told | changes).items() if value is not None}

    def token(
        self, kid: str = "r1", *, head: dict[str, object] | None = None, **changes: object
    ) -> str:
        algorithm, key = self.keys[kid]
        headers = {"kid": kid} | (head or {})
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers=headers)

    def published(self) -> dict[str, Any]:
        found = []
        for kid, (name, key) in self.keys.items():
            algorithm = jwt.get_algorithm_by_name(name)
            jwk = algorithm.to_jwk(key.public_key())
            found.append({**json.loads(str(jwk)), "kid": kid, "use": "sig"})
        return {"keys": found}

    async def discovery(self, _request: web.Request) -> web.Response:
        self._refuse_if_away()
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, request: web.Request) -> web.StreamResponse:
        self._refuse_if_away()
        self.asked_for_keys += 1
        told = (json.dumps(self.published()) + self.padding).encode()
        if self.pause_seconds is None:
            return web.Response(body=told, content_type="application/json")
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        half = len(told) // 2
        await answer.write(told[:half])
        await asyncio.sleep(self.pause_seconds)
        await answer.write(told[half:])
        return answer

    def _refuse_if_away(self) -> None:
        if self.is_away:
            self.turned_away += 1
            raise web.HTTPServiceUnavailable


@asynccontextmanager
async def running_issuer() -> AsyncIterator[FakeIssuer]:
    issuer = FakeIssuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    app.router.add_get("/keys", issuer.jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    issuer.url = f"http://{host}:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
