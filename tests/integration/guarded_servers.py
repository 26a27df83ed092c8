"""Servers that ask who is there: TLS, passwords, client certificates, a key that is refused."""

import asyncio
import ssl
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from cryptography.hazmat.primitives import serialization

from adapters.kafka.brokers import Brokers
from stack.embedded import running
from stack.home import private_folder
from stack.ports import Ports
from stack.servers import kafka
from stack.supplies.java import java
from stack.supplies.kafka_jars import jars
from tests.tls_terminator import LOOPBACK

PASSWORD = "of-the-test"  # noqa: S105 - of servers that the test throws away
MECHANISMS = ("PLAIN", "SCRAM-SHA-512")


@dataclass(frozen=True)
class Doors:
    """Each server behind TLS, and the files of the authority that vouches for it and of another."""

    ca: Path
    other_ca: Path
    certificate: Path
    key: Path
    of_other_authority: Path
    postgres: str
    plain_postgres: str
    valkey: str
    temporal: str
    asks_for_ours: ssl.SSLContext

    def database(self, **changes: str) -> str:
        given = {"mode": "verify-full", "ca": str(self.ca), "url": self.postgres} | changes
        return f"{given['url']}?sslmode={given['mode']}&sslrootcert={given['ca']}"

    def redis(self, ca: Path | None = None) -> str:
        return f"{self.valkey}?ssl_ca_certs={ca or self.ca}"

    def mtls(self, ca: Path | None = None, certificate: Path | None = None) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self.temporal,
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(ca or self.ca),
            "TEMPORAL_TLS_CLIENT_CERT_PATH": str(certificate or self.certificate),
            "TEMPORAL_TLS_CLIENT_KEY_PATH": str(certificate or self.key),
        }


def moved(url: str, port: int) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", f":{password}@")


@asynccontextmanager
async def guarded_kafka(folder: Path, authority: trustme.CA) -> AsyncIterator[str]:
    """A broker with a listener SASL_SSL for the user priyom; its address."""
    ports = Ports()
    plain, controller, guarded = (ports.take() for _ in range(3))
    private_folder(folder)
    issued = authority.issue_cert(LOOPBACK)
    private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    (folder / "broker.pem").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + b"".join(each.bytes() for each in issued.cert_chain_pems)
    )
    module = "org.apache.kafka.common.security"
    base = kafka.properties("data", plain, controller)
    for before, after in (
        ("listeners=PLAINTEXT", f"listeners=SASL_SSL://{LOOPBACK}:{guarded},PLAINTEXT"),
        ("protocol.map=", "protocol.map=SASL_SSL:SASL_SSL,"),
    ):
        base = base.replace(before, after)
    config = folder / "server.properties"
    config.write_text(f"""{base}
sasl.enabled.mechanisms={",".join(MECHANISMS)}
listener.name.sasl_ssl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
user_priyom="{PASSWORD}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=broker.pem
""")
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    formatted = await asyncio.create_subprocess_exec(
        *(str(java()), "-cp", f"{jars()}/*", "kafka.tools.StorageTool", "format", "--standalone"),
        *(f"--cluster-id={cluster}", f"--config={config.name}"),
        *("--add-scram", f"SCRAM-SHA-512=[name=priyom,password={PASSWORD}]"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await formatted.communicate()
    assert formatted.returncode == 0, said.decode()
    async with running(kafka.program(config, plain), folder.parent):
        yield f"{LOOPBACK}:{guarded}"
    ports.release()


@dataclass(frozen=True)
class Guarded:
    """The broker, and the files of its authority and of another."""

    address: str
    ca: Path
    other_ca: Path

    def brokers(self, mechanism: str = "PLAIN", **changes: str) -> Brokers:
        given = {"password": PASSWORD, "ca": str(self.ca), "user": "priyom"} | changes
        return Brokers(
            servers=self.address,
            protocol=given.get("protocol", "SASL_SSL"),
            authority=Path(given["ca"]),
            mechanism=mechanism,
            user=given["user"],
            password=given["password"],
        )


SETTINGS, ACKNOWLEDGED = bytes.fromhex("000000040000000000"), bytes.fromhex("000000040100000000")
HEADERS, ENDS = 1, 5
PREFACE = 24


async def refusing_everybody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/2 as far as gRPC needs it to say UNAUTHENTICATED (16) to each call."""
    await reader.readexactly(PREFACE)
    writer.write(SETTINGS + ACKNOWLEDGED)
    while True:
        head = await reader.readexactly(9)
        length, kind, stream = int.from_bytes(head[:3]), head[3], head[5:]
        await reader.readexactly(length)
        if kind == HEADERS:
            said = b"\x88" + literal("content-type", "application/grpc")
            said += literal("grpc-status", "16")
            writer.write(len(said).to_bytes(3) + bytes([HEADERS, ENDS]) + stream + said)


def literal(name: str, value: str) -> bytes:
    """A header as HPACK writes one that it does not remember."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
