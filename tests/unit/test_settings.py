"""Settings: what is accepted, and the one line that says what is wrong with the rest."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from adapters.process import settings
from adapters.process.connection_settings import Connections
from adapters.process.settings import (
    BadSettings,
    Product,
    connections,
    product,
    secret_of,
    sign_in_of,
)
from stack.errors import BadWishError
from stack.home import Home
from stack.settings import checked_settings

GOOD = [
    ("DATABASE_URL", "postgresql://priyom:s%40cret@db:5432/priyom?sslmode=require"),
    ("DATABASE_URL", "postgres://db/priyom"),
    ("DATABASE_URL", "postgresql+psycopg://db/priyom"),
    ("DATABASE_URL", "postgresql:///priyom"),
    ("DATABASE_URL", "postgresql://?host=/run/postgresql"),
    ("DATABASE_DIRECT_URL", "postgresql://priyom_app@db:5432/priyom"),
    ("REDIS_URL", "redis://:secret@cache:6379/0"),
    ("REDIS_URL", "rediss://cache"),
    ("REDIS_URL", "unix:///run/valkey.sock"),
    ("KAFKA_BOOTSTRAP_SERVERS", "one:9092, two:9093"),
    ("KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092"),
    ("KAFKA_SECURITY_PROTOCOL", "SSL"),
    ("KAFKA_SSL_CA_FILE", __file__),
    ("KAFKA_SSL_CA_FILE", ""),
    ("SMTP_URL", "smtp://user:password@mail"),
    ("SMTP_URL", "smtps://mail:465"),
    ("SMS_GATEWAY_URL", "https://sms.example/send"),
    ("PRIYOM_PUBLIC_URL", "https://priyom.example"),
    ("PRIYOM_ALLOWED_ORIGINS", "https://book.example.org, http://localhost:5173"),
    ("PRIYOM_MAIL_FROM", "clinic@priyom.example"),
    ("PRIYOM_QUIET_HOURS", "22:30-07:15"),
]
BAD = [
    ("DATABASE_URL", "nonsense", "must begin with postgresql://"),
    ("DATABASE_DIRECT_URL", "https://db", "must begin with postgresql://"),
    ("PRIYOM_AUDIT_RETENTION_DAYS", "365", "greater than or equal to 366"),
    ("DATABASE_URL", "mysql://x", "must begin with postgresql://"),
    ("DATABASE_URL", "postgresql://", "must name a host"),
    ("DATABASE_URL", "postgresql://db:port/x", "is not a URL"),
    ("DATABASE_URL", "postgresql://db:70000/x", "is not a URL"),
    ("REDIS_URL", "http://x", "must begin with redis://"),
    ("REDIS_URL", "redis:x", "must begin with redis://"),
    ("REDIS_URL", "redis://", "must name a host"),
    ("REDIS_URL", "redis://cache:0", "a port from 1 to 65535"),
    ("REDIS_URL", "unix://", "must name a host"),
    ("KAFKA_BOOTSTRAP_SERVERS", "foo", "must be host:port"),
    ("KAFKA_BOOTSTRAP_SERVERS", "one:9092,", "must be host:port"),
    ("KAFKA_BOOTSTRAP_SERVERS", "one:0", "must be host:port"),
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka://one:9092", "must be host:port"),
    ("KAFKA_SECURITY_PROTOCOL", "TLS", "'PLAINTEXT', 'SSL'"),
    ("KAFKA_SSL_CA_FILE", "/nowhere/ca.pem", "must be the path of a file"),
    ("PRIYOM_PAYLOAD_KEYS", "A" * 43 + "=", "must be <id>:<base64 of 32 bytes>"),
    ("PRIYOM_PAYLOAD_KEYS", "2027:secret", "the key 2027 must be the base64 of 32 bytes"),
    ("PRIYOM_PAYLOAD_KEYS", f"2027:{'A' * 22}==", "openssl rand -base64 32"),
    ("PRIYOM_PAYLOAD_KEYS", f"a:{'A' * 43}=,a:{'B' * 43}=", "names the key a twice"),
    ("PRIYOM_PAYLOAD_KEYS", f"a:{'A' * 43}=,", "must be <id>:<base64"),
    ("SMTP_URL", "foo", "must begin with smtp://"),
    ("SMS_GATEWAY_URL", "foo", "must begin with http://"),
    ("SMS_GATEWAY_URL", "http://[x", "is not a URL"),
    ("SMS_GATEWAY_URL", "http://s ms", "must have no spaces"),
    ("PRIYOM_PUBLIC_URL", "foo", "must begin with http://"),
    ("PRIYOM_ALLOWED_ORIGINS", "*", "must begin with http://"),
    ("PRIYOM_ALLOWED_ORIGINS", "https://a.example/path", "without a path"),
    ("PRIYOM_MAIL_FROM", "foo", "must be one e-mail address"),
    ("PRIYOM_MAIL_FROM", "Clinic <a@b.example>", "must be one e-mail address"),
    ("PRIYOM_RECEIPTS_KEY", "short", "must be 32 characters or more, or empty"),
    ("PRIYOM_QUIET_HOURS", "at night", "must be two times of the day"),
    ("PRIYOM_QUIET_HOURS", "21:00-25:00", "must be two times of the day"),
    ("PRIYOM_HOLD_SECONDS", "0", "Input should be greater than or equal to 1"),
    ("PRIYOM_LOG_FORMAT", "xml", "Input should be 'console' or 'json'"),
]


def group(name: str) -> type[BaseSettings]:
    return Product if name.startswith(settings.PREFIX) else Connections


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_good_value_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    read = group(name)()

    assert getattr(read, name.removeprefix(settings.PREFIX).lower()) == value


@pytest.mark.parametrize(("name", "value", "wrong"), BAD)
def test_a_bad_value_is_told_with_its_name_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wrong: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadSettings) as refused:
        (product if name.startswith(settings.PREFIX) else connections)()

    said = str(refused.value)
    assert said.startswith(f"{name}: ")
    assert wrong in said
    assert f", for example {name}=" in said
    assert "\n" not in said


def test_the_first_key_of_payloads_is_the_one_that_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_PAYLOAD_KEYS", f"2027:{'A' * 43}=, 2026.a:{'/' * 42}8=")

    assert [*product().keys_of_payloads.items()] == [("2027", bytes(32)), ("2026.a", b"\xff" * 32)]


def test_no_key_of_payloads_leaves_them_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_PAYLOAD_KEYS", "")

    assert product().keys_of_payloads == {}


@pytest.mark.parametrize("given", ["", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_a_broker_that_asks_for_a_password_needs_both_settings(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    if given:
        monkeypatch.setenv(given, "hunter2")

    with pytest.raises(BadSettings, match="KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD") as refused:
        connections()

    assert "hunter2" not in str(refused.value)


def test_what_needs_a_connection_of_its_own_goes_around_a_pooler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://pooler/priyom")
    without = connections().session_url
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://db/priyom")

    assert without == "postgresql://pooler/priyom"
    assert connections().session_url == "postgresql://db/priyom"


def test_a_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://priyom:hunter2@db/priyom")

    with pytest.raises(BadSettings) as refused:
        connections()

    assert "hunter2" not in str(refused.value)


def test_an_empty_address_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")

    assert connections().redis_url == Connections.model_fields["redis_url"].default


def test_every_default_is_a_good_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in settings.example():
        if "=" in line and not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))

    assert connections().smtp_url == "smtp://127.0.0.1:1025"
    assert product().mail_from == "no-reply@priyom.example"


def test_a_short_secret_is_refused_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_SECRET", "short")

    with pytest.raises(BadSettings, match="PRIYOM_SECRET must be 32 characters"):
        secret_of(product())
    with pytest.raises(BadWishError, match="PRIYOM_SECRET must be 32 characters"):
        checked_settings()


def test_a_stack_makes_its_own_secret_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_SECRET", "")

    assert checked_settings().secret.get_secret_value() == ""


def test_a_home_that_no_file_could_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_HOME", "caf\udce9")

    with pytest.raises(BadWishError, match="PRIYOM_HOME is not UTF-8"):
        Home.from_environment()


def test_an_empty_home_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make reset` deletes the home: it must not be the checkout."""
    monkeypatch.setenv("PRIYOM_HOME", "")

    assert Home.from_environment().root == Path.cwd() / ".priyom"


def test_a_process_without_an_issuer_does_not_start_unless_nobody_is_to_sign_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRIYOM_SIGN_IN", "on")

    with pytest.raises(BadSettings, match="PRIYOM_OIDC_ISSUER must name the issuer"):
        sign_in_of(product())


def test_every_caller_is_believed_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_SIGN_IN", "off")
    believed = sign_in_of(product())
    monkeypatch.setenv("PRIYOM_API_HOST", "::")

    assert believed is None
    with pytest.raises(BadSettings, match="PRIYOM_SIGN_IN=off believes every caller"):
        sign_in_of(product())
    with pytest.raises(BadWishError, match="it is for loopback only"):
        checked_settings()


def test_the_issuer_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_SIGN_IN", "on")
    monkeypatch.setenv("PRIYOM_OIDC_ISSUER", "https://issuer.example/realms/clinic")

    assert sign_in_of(product()) == "https://issuer.example/realms/clinic"
