"""Settings from the environment; `python -m adapters.process.settings` prints `.env.example`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.process.connection_settings import Connections, HttpUrl
from adapters.process.payload_keys import payload_keys_of
from adapters.process.setting_values import (
    SHORTEST_SECRET,
    keys_or_none,
    long_or_none,
    mail_address,
    origins,
    rates,
    two_times,
    url_or_none,
)

VERSION = "0.2.0"
"""Of the product, as in pyproject.toml."""

PREFIX = "PRIYOM_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Product(BaseSettings):
    """How the clinic works and how the processes run."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    hold_seconds: int = Field(600, ge=1, le=86_400, description="how long a hold lasts, seconds")
    max_holds_per_patient: int = Field(
        3, ge=1, le=1000, description="live holds that one patient may have"
    )
    horizon_days: int = Field(
        90, ge=1, le=1100, description="how many days ahead a doctor's plan can be booked"
    )
    answer_within_seconds: float = Field(
        5.0, gt=0, le=60, description="deadline of every HTTP answer, seconds"
    )
    audit_seconds: int = Field(
        60,
        ge=4,
        le=3600,
        description="how often all bookings are audited, seconds; above 300 raise the bound of the "
        "alert AuditStale with it",
    )
    remind_seconds: int = Field(
        30, ge=1, le=60, description="how often due reminders are looked for, seconds"
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="key of appointment ids, 32 characters or more: openssl rand -hex 32",
    )
    secret_previous: Annotated[SecretStr, AfterValidator(long_or_none)] = Field(
        SecretStr(""),
        description="the secret before this one; while it is named, its links and keys go on",
    )
    receipts_key: Annotated[SecretStr, AfterValidator(long_or_none)] = Field(
        SecretStr(""),
        description="key that providers sign receipts with, 32 characters or more, or none",
    )
    payload_keys: Annotated[SecretStr, AfterValidator(keys_or_none)] = Field(
        SecretStr(""),
        description="keys that payloads of Temporal are sealed with, or none: <id>:<base64 of 32 "
        "bytes>, several by comma; the first seals, all open",
    )
    sms_answers: Literal["on", "off"] = Field(
        "off",
        description="whether reminders ask for an answer by SMS, which the gateway hands on to "
        "POST /api/v1/sms/inbound",
    )
    log_format: Literal["console", "json"] = Field("console", description="console or json")
    home: Path = Field(Path(".priyom"), description="state and data of the embedded servers")
    api_host: str = Field("127.0.0.1", description="address the API listens on")
    api_port: int = Field(8000, ge=0, le=65_535, description="port the API listens on")
    api_serves: Literal["all", "commands", "reads"] = Field(
        "all",
        description="what the gateway sends here: commands are run beside a worker of bookings, "
        "reads without one",
    )
    api_processes: int = Field(
        1, ge=1, le=64, description="how many processes of the API listen on its port"
    )
    health_host: str = Field(
        "127.0.0.1", description="address that worker and notifier answer /readyz and /metrics on"
    )
    health_port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="port of /readyz and /metrics of worker and notifier, 0 for none",
    )
    promote: Literal["on", "off"] = Field(
        "on",
        description="whether a new build of the workers makes itself the current one; off where "
        "what deploys them does, as Temporal's Worker Controller",
    )
    sdk_patches: Literal["on", "off"] = Field(
        "on", description="whether worker/sdk_patches.py may lean on the inside of Temporal's SDK"
    )
    message_retention_days: int = Field(
        30, ge=1, le=3650, description="how long the record of a message is kept, days"
    )
    audit_retention_days: int = Field(
        2190,
        ge=366,
        le=36_500,
        description="how long the audit trail is kept, and the history of visits with it, days",
    )
    quiet_hours: Annotated[str, AfterValidator(two_times)] = Field(
        "21:00-08:00",
        description="when what can wait wakes no patient, by the patient's clock",
    )
    mail_from: Annotated[str, AfterValidator(mail_address)] = Field(
        "no-reply@priyom.example", description="address that e-mails to patients come from"
    )
    public_url: HttpUrl = Field(
        "http://127.0.0.1:8000", description="where patients reach the API, for links in messages"
    )
    allowed_origins: Annotated[str, AfterValidator(origins)] = Field(
        "",
        description="front ends elsewhere that browsers may call the API from, as "
        "https://book.example.org, several by comma",
    )
    temporal_ui_url: HttpUrl = Field(
        "http://127.0.0.1:8233", description="the Temporal UI, for links of the operations page"
    )
    prometheus_url: Annotated[str, AfterValidator(url_or_none)] = Field(
        "", description="the Prometheus whose firing alerts the operations page shows, or none"
    )
    mailbox_url: Annotated[str, AfterValidator(url_or_none)] = Field(
        "", description="the mailbox of a development stack, for a link of the operations page"
    )
    sign_in: Literal["on", "off"] = Field(
        "on", description="off believes every caller, and is taken on loopback only"
    )
    oidc_issuer: Annotated[str, AfterValidator(url_or_none)] = Field(
        "", description="the OpenID Connect issuer whose tokens are taken"
    )
    oidc_audience: str = Field(
        "priyom", min_length=1, description="the audience that access tokens are for"
    )
    oidc_client_id: str = Field("", description="the pages' client at the issuer")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="its secret")
    role_claim: str = Field(
        "roles", min_length=1, description="the claim that roles are in, dotted if it is within one"
    )
    seed: Literal["on", "off"] = Field(
        "on", description="off begins with an empty clinic: no demo doctors, patients and shifts"
    )
    rate_limit: Annotated[str, AfterValidator(rates)] = Field(
        "20,300",
        description="commands and reads that a patient may send in a minute, or off; "
        "staff ten times as many",
    )

    @property
    def runs_bookings(self) -> bool:
        """Whether an API process runs bookings beside the requests that ask for them."""
        return self.api_serves != "reads"

    @property
    def keys_of_payloads(self) -> dict[str, bytes]:
        """By id, the one that seals first; none where payloads are plain."""
        return payload_keys_of(self.payload_keys.get_secret_value())


class Deployment(BaseSettings):
    """Which build the workers of a process are of (docs/changing-a-workflow.md)."""

    model_config = SettingsConfigDict(env_prefix="TEMPORAL_", frozen=True, env_ignore_empty=True)

    deployment_name: str = Field("priyom", min_length=1, description="the workers' deployment")
    worker_build_id: str = Field(VERSION, min_length=1, description="the workers' build")


class BadSettings(Exception):
    """A setting is unknown or has a bad value; the message says which and what is allowed."""


Group = TypeVar("Group", bound=BaseSettings)


def connections() -> Connections:
    found = _read(Connections)
    if found.kafka.has_password and not (found.kafka.user and found.kafka.password):
        raise BadSettings(
            f"KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be given with "
            f"KAFKA_SECURITY_PROTOCOL={found.kafka_security_protocol}"
        )
    return found


def deployment() -> Deployment:
    return _read(Deployment)


def product() -> Product:
    """The product's settings; an unknown PRIYOM_* name is refused, since it is a typing error."""
    known = {PREFIX + name.upper() for name in Product.model_fields}
    unknown = sorted(n for n in os.environ if n.startswith(PREFIX) and n not in known)
    if unknown:
        raise BadSettings(f"unknown setting {unknown[0]}; known are {', '.join(sorted(known))}")
    return _read(Product)


def secret_of(settings: Product) -> bytes:
    """The secret, refused where it is missing or short: appointment ids must not be guessable."""
    secret = settings.secret.get_secret_value().encode()
    if len(secret) < SHORTEST_SECRET:
        raise BadSettings(
            f"{PREFIX}SECRET must be {SHORTEST_SECRET} characters or more: openssl rand -hex 32"
        )
    return secret


def previous_secret_of(settings: Product) -> bytes | None:
    """The one before; null where none is named."""
    return settings.secret_previous.get_secret_value().encode() or None


def sign_in_of(settings: Product) -> str | None:
    """The issuer; null where nobody signs in, which is for loopback only."""
    if settings.sign_in == "off":
        if settings.api_host not in LOOPBACK:
            raise BadSettings(
                f"{PREFIX}SIGN_IN=off believes every caller: it is for loopback only, "
                f"and {PREFIX}API_HOST is {settings.api_host}"
            )
        return None
    if not settings.oidc_issuer:
        raise BadSettings(
            f"{PREFIX}OIDC_ISSUER must name the issuer that people sign in at, "
            f"or {PREFIX}SIGN_IN=off believe every caller"
        )
    return settings.oidc_issuer


def _read(group: type[Group]) -> Group:
    try:
        return group()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = str(first["loc"][0])
        name = f"{group.model_config.get('env_prefix', '')}{field}".upper()
        wrong = first["msg"].removeprefix("Value error, ")
        default = group.model_fields[field].default
        raise BadSettings(f"{name}: {wrong}, for example {name}={default}") from None


def example() -> Iterator[str]:
    """The lines of `.env.example`: every setting with its default and what it means."""
    yield "# Generated by `make docs` from the settings classes. Every setting, with its default."
    for group in (Connections, Product, Deployment):
        yield ""
        yield f"# {(group.__doc__ or '').strip().splitlines()[0]}"
        for name, field in group.model_fields.items():
            default = field.default
            shown = default.get_secret_value() if isinstance(default, SecretStr) else default
            yield f"# {field.description}"
            yield f"{group.model_config.get('env_prefix', '')}{name}".upper() + f"={shown}"
    yield ""
    yield "# Temporal (read by its SDK; also TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE)"
    yield "TEMPORAL_ADDRESS=127.0.0.1:7233"
    yield "TEMPORAL_NAMESPACE=default"


if __name__ == "__main__":
    sys.stdout.write("\n".join(example()) + "\n")
