"""Where the servers are, and how a process proves who it is to each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.kafka.brokers import Brokers
from adapters.process.setting_values import bootstrap_servers, file_or_none, or_none, url_of

DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
IS_DATABASE = url_of(*DATABASE_SCHEMES, local=DATABASE_SCHEMES)
DatabaseUrl = Annotated[str, AfterValidator(IS_DATABASE)]
RedisUrl = Annotated[str, AfterValidator(url_of("redis", "rediss", "unix", local=("unix",)))]
SmtpUrl = Annotated[str, AfterValidator(url_of("smtp", "smtps"))]
HttpUrl = Annotated[str, AfterValidator(url_of("http", "https"))]


class Connections(BaseSettings):
    """Where the servers are. The Temporal SDK reads its own TEMPORAL_* variables."""

    # An empty one is as good as none, as it is for `make up`.
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: DatabaseUrl = Field(
        "postgresql://priyom@127.0.0.1:5432/priyom",
        description="PostgreSQL 18 or newer; with TLS ?sslmode=verify-full&sslrootcert=/path",
    )
    database_direct_url: Annotated[str, AfterValidator(or_none(IS_DATABASE))] = Field(
        "",
        description="PostgreSQL itself, where a transaction pooler is at DATABASE_URL (PgBouncer "
        "1.21 or newer); none where there is no pooler",
    )
    application_password: SecretStr = Field(
        SecretStr(""),
        description="what the migrations give the role priyom_app, which the processes connect as; "
        "none leaves it alone",
    )
    redis_url: RedisUrl = Field(
        "redis://127.0.0.1:6379/0",
        description="Redis or Valkey; with TLS rediss://user:password@host?ssl_ca_certs=/path",
    )
    kafka_bootstrap_servers: Annotated[str, AfterValidator(bootstrap_servers)] = Field(
        "127.0.0.1:9092", description="Kafka, comma-separated"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how Kafka is spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
    )
    kafka_ssl_ca_file: Annotated[str, AfterValidator(file_or_none)] = Field(
        "", description="the authority that Kafka's certificate is checked by; none: the system's"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how a password is proved: PLAIN, SCRAM-SHA-256 or -512"
    )
    kafka_sasl_username: str = Field("", description="with SASL: the processes' user at Kafka")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="its password")
    smtp_url: SmtpUrl = Field(
        "smtp://127.0.0.1:1025", description="smtp://user:password@host:port (smtps:// for TLS)"
    )
    sms_gateway_url: HttpUrl = Field("http://127.0.0.1:8025/sms", description="the SMS gateway")

    @property
    def session_url(self) -> str:
        """Where a connection stays with who has it: for LISTEN, and for the migrations."""
        return self.database_direct_url or self.database_url

    @property
    def kafka(self) -> Brokers:
        """The brokers, with what proves to them who we are."""
        return Brokers(
            servers=self.kafka_bootstrap_servers,
            protocol=self.kafka_security_protocol,
            authority=Path(self.kafka_ssl_ca_file) if self.kafka_ssl_ca_file else None,
            mechanism=self.kafka_sasl_mechanism,
            user=self.kafka_sasl_username,
            password=self.kafka_sasl_password.get_secret_value(),
        )
