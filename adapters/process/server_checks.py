"""Does a server turn us away for good? What no later try mends is told at the start.

Each answers with what is wrong, without a secret; None where we are let in, or the server is away.
"""

import asyncio
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from psycopg.conninfo import conninfo_to_dict
from redis.exceptions import AuthenticationError
from temporalio.envconfig import ClientConnectConfig
from temporalio.service import TLSConfig

from adapters.kafka.brokers import Brokers
from adapters.redis.bounded import AWAY
from adapters.redis.cache import connect_redis

SECONDS = 2.0

USER = "the server refuses this user, password or database"
AUTHORITY = "the server's certificate is not of the authority that is named, or of another host"
NO_TLS = "the server offers no TLS"
UNREADABLE = "the file of an authority, certificate or key cannot be read"
CERTIFICATE = "the server refuses our certificate, or asks for one"

ASKS_FOR_TLS = (8).to_bytes(4) + (80877103).to_bytes(4)
"""What a client of PostgreSQL says first: SSLRequest."""

TLS_BEGINS = b"S"
CHECKED = {"verify-ca", "verify-full"}
"""By these values of `sslmode` a certificate is looked at."""

Trusting = Callable[[], ssl.SSLContext]


async def postgres_refuses(url: str) -> str | None:
    given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    mode, authority = given.get("sslmode"), given.get("sslrootcert", "")
    if mode in CHECKED and authority not in {"", "system"} and "," not in given.get("host", ","):

        def trusting() -> ssl.SSLContext:
            context = ssl.create_default_context(cafile=authority)
            context.check_hostname = mode == "verify-full"
            return context

        where = given["host"], int(given.get("port", 5432))
        if refused := await _tls_refuses(where, trusting, greeting=ASKS_FOR_TLS):
            return refused
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=int(SECONDS))
    except psycopg.OperationalError as error:
        told = error.pgconn
        return USER if told is not None and (told.used_password or told.needs_password) else None
    await connection.close()
    return None


async def redis_refuses(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme == "rediss":
        authority = parse_qs(parts.query).get("ssl_ca_certs", [None])[0]
        where = parts.hostname or "", parts.port or 6379
        refused = await _tls_refuses(where, lambda: ssl.create_default_context(cafile=authority))
        if refused:
            return refused
    client = connect_redis(url, name="priyom-start")
    try:
        await client.ping()
    except AuthenticationError:
        return USER
    except AWAY:
        return None
    finally:
        await client.aclose()
    return None


async def kafka_refuses(brokers: Brokers) -> str | None:
    for each in brokers.servers.split(","):
        host, _, port = each.strip().rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=SECONDS * 1000, **brokers.proof()
            )
        except (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError):
            return USER
        except ssl.SSLCertVerificationError:
            return AUTHORITY
        except (KafkaError, OSError, TimeoutError):
            continue
        connection.close()
        return None
    return None


async def temporal_refuses(config: ClientConnectConfig) -> str | None:
    """Of TLS alone; of an API key only the SDK can ask."""
    tls = config.get("tls")
    if not tls and "api_key" not in config:
        return None
    files = tls if isinstance(tls, TLSConfig) else TLSConfig()
    host, _, port = config["target_host"].rpartition(":")
    where, name = (host, int(port)), files.verification_server_name or files.domain or host
    return await _tls_refuses(where, lambda: _trusting(files), name=name, listens=True)


def _trusting(files: TLSConfig) -> ssl.SSLContext:
    authority = files.server_root_ca_cert
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    context.set_alpn_protocols(["h2"])
    if files.client_cert and files.client_private_key:
        with tempfile.TemporaryDirectory() as folder:  # of its owner only, as what is in it
            chain = Path(folder, "chain.pem")
            chain.touch(mode=0o600)
            chain.write_bytes(files.client_cert + b"\n" + files.client_private_key)
            context.load_cert_chain(chain)
    return context


async def _tls_refuses(
    where: tuple[str, int],
    trusting: Trusting,
    *,
    greeting: bytes = b"",
    name: str | None = None,
    listens: bool = False,
) -> str | None:
    """`listens`: the server speaks first, and only then tells what it thinks of our certificate."""
    try:
        context = trusting()
    except (OSError, ValueError):  # an unreadable file, or no certificate in it
        return UNREADABLE
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(*where)
            try:
                if greeting:
                    writer.write(greeting)
                    if await reader.readexactly(len(TLS_BEGINS)) != TLS_BEGINS:
                        return NO_TLS
                await writer.start_tls(context, server_hostname=name or where[0])
                if listens:
                    await reader.read(1)
            finally:
                writer.close()
    except ssl.SSLCertVerificationError:
        return AUTHORITY
    except ssl.SSLError:
        return CERTIFICATE
    except (OSError, TimeoutError, EOFError):
        return None
    return None
