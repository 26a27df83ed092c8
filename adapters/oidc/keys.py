"""The issuer's addresses and keys: fetched beside the requests, the last good ones kept."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import jwt
from prometheus_client import Gauge
from structlog import get_logger

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
"""By a key's type and curve: a key serves for one algorithm, whatever a token says."""

AGAIN_SECONDS = 600.0
"""How often the keys are fetched without need."""

WHILE_AWAY_SECONDS = 5.0
"""How soon the issuer is asked again as long as nothing is known of it."""

AT_MOST_EVERY_SECONDS = 60.0
"""An unknown key is looked for once in this time, however many tokens name one."""

FETCH_SECONDS = 3.0
LARGEST_DOCUMENT = 256 * 1024

KEYS_AGE = Gauge(
    "priyom_issuer_keys_age_seconds", "Since the issuer last told its keys, or since the start."
)

log = get_logger(__name__)


class IssuerAway(Exception):
    """The issuer has not told its keys yet."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A public key and the one algorithm that it serves for."""

    algorithm: str
    key: Any


class Issuer:
    """What an issuer says of itself. `start` begins to fetch; nobody waits for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.generation = 0
        """Grows when the keys are other ones than before."""
        self._keys: Mapping[str, Key] | None = None
        self._known: Mapping[str, str] = {}
        self._told_at = time.monotonic()
        self._looked_for_key_at = -AT_MOST_EVERY_SECONDS
        self._fetching: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        KEYS_AGE.set_function(lambda: time.monotonic() - self._told_at)
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def key(self, kid: str) -> Key | None:
        """The key of this id; one that is unknown is looked for, at most once a minute."""
        if self._keys is None:
            await self._fetch()
        if self._keys is None:
            raise IssuerAway
        if kid not in self._keys and self._may_look():
            self._looked_for_key_at = time.monotonic()
            await self._fetch()
        elif kid not in self._keys and self._fetching is not None:
            await self._fetch()
        return self._keys.get(kid)

    async def endpoint(self, name: str) -> str:
        """The address that discovery has under this name."""
        if name not in self._known:
            await self._fetch()
        if name not in self._known:
            raise IssuerAway
        return self._known[name]

    def _may_look(self) -> bool:
        return time.monotonic() - self._looked_for_key_at >= AT_MOST_EVERY_SECONDS

    async def _keep(self) -> None:
        while True:
            await self._fetch()
            await asyncio.sleep(WHILE_AWAY_SECONDS if self._keys is None else AGAIN_SECONDS)

    async def _fetch(self) -> None:
        """Once for all who wait for it; a fetch that fails leaves what was known."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_once())
        await asyncio.shield(self._fetching)

    async def _fetch_once(self) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
            async with aiohttp.ClientSession(timeout=timeout) as http:
                about = await _document(http, f"{self.url.rstrip('/')}{DISCOVERY}")
                found = keys_of(await _document(http, str(about["jwks_uri"])))
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            log.warning("issuer_gave_no_keys", error=type(error).__name__)
            return
        finally:
            self._fetching = None
        if about.get("issuer") != self.url:
            log.warning("issuer_calls_itself_otherwise")
            return
        self._known = {name: value for name, value in about.items() if isinstance(value, str)}
        if self._keys is None or found.keys() != self._keys.keys():
            self.generation += 1
            log.info("issuer_keys_known", keys=len(found))
        self._keys = found
        self._told_at = time.monotonic()


DISCOVERY = "/.well-known/openid-configuration"


def keys_of(document: Mapping[str, Any]) -> dict[str, Key]:
    """Those of the set that can check a signature in a way that is taken here."""
    found = {}
    for each in document.get("keys", []):
        kind = (each.get("kty"), each.get("crv") if each.get("kty") != "RSA" else None)
        algorithm = ALGORITHMS.get(kind)
        is_for_signing = each.get("use", "sig") == "sig"
        if algorithm is None or not is_for_signing or each.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK.from_dict(each, algorithm=algorithm)
        except jwt.PyJWTError:
            continue
        if key.key_id and not hasattr(key.key, "private_bytes"):
            found[key.key_id] = Key(algorithm=algorithm, key=key.key)
    return found


async def _document(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with http.get(url, allow_redirects=False) as answer:
        if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
            raise ValueError(f"answered {answer.status}")
        body = bytearray()
        async for piece in answer.content.iter_chunked(LARGEST_DOCUMENT):
            body += piece
            if len(body) > LARGEST_DOCUMENT:
                raise ValueError("is too long")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("is no object")  # noqa: TRY004 - as what is no JSON at all
    return document
