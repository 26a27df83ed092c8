"""The brokers of Kafka, and how a client proves to them who it is."""

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Brokers:
    """`servers` as host:port, several by comma; without more the connection is plain."""

    servers: str
    protocol: str = "PLAINTEXT"
    authority: Path | None = None
    """A file with the certificate that brokers are checked by; null for the system's."""

    mechanism: str = "PLAIN"
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def has_tls(self) -> bool:
        return self.protocol.endswith("SSL")

    @property
    def has_password(self) -> bool:
        return self.protocol.startswith("SASL")

    def proof(self) -> dict[str, Any]:
        """What a client of aiokafka is given to be let in."""
        given: dict[str, Any] = {"security_protocol": self.protocol}
        if self.has_tls:
            given["ssl_context"] = trusting(self.authority)
        if self.has_password:
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return given


KafkaServers = str | Brokers
"""Their addresses alone, or with what proves who we are."""


def reaching(servers: KafkaServers) -> dict[str, Any]:
    """The arguments by which every client of aiokafka reaches them."""
    if isinstance(servers, str):
        return {"bootstrap_servers": servers}
    return {"bootstrap_servers": servers.servers, **servers.proof()}


@lru_cache
def trusting(authority: Path | None) -> ssl.SSLContext:
    """Made once: to load the system's authorities takes 20 ms."""
    return ssl.create_default_context(cafile=authority)
