"""TLS and passwords towards each server: who is let in, and what ends the start by a sentence."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import trustme
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from adapters.kafka.brokers import Brokers
from adapters.kafka.dead_letters import dead_records
from adapters.kafka.events import APPOINTMENTS, GROUP, EventReader, Writer, ensure_topics
from adapters.kafka.lag import lag_of
from adapters.postgres.database import Database, connect_database
from adapters.process import probes, server_checks
from adapters.process.probes import ask_kafka
from adapters.process.server_checks import (
    AUTHORITY,
    CERTIFICATE,
    NO_TLS,
    UNREADABLE,
    USER,
    kafka_refuses,
    postgres_refuses,
    redis_refuses,
)
from adapters.process.settings import BadSettings, connections
from adapters.redis.cache import connect_redis
from adapters.temporal.client import connect_patiently, priyom_plugin
from stack.home import CHECKOUT
from tests.integration.guarded_servers import (
    MECHANISMS,
    PASSWORD,
    Doors,
    Guarded,
    guarded_kafka,
    moved,
    refusing_everybody,
    with_password,
)
from tests.tls_terminator import LOOPBACK, handshaking, listening, shown_by, terminated
from worker.server_checks import check_api_key, check_servers

WRONG = "not-the-password"
NOBODY = f"{LOOPBACK}:1"
PATIENTLY = """
import runpy, sys
from adapters.process import server_checks

server_checks.SECONDS = 20.0
runpy.run_module(sys.argv.pop(), run_name="__main__")
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of a busy machine is slow to turn us away, and is not away for that."""
    monkeypatch.setattr(server_checks, "SECONDS", 20.0)
    monkeypatch.setattr(probes, "REQUEST_MS", 20_000)


@pytest.fixture(scope="module")
async def doors(
    clinic_database: Database,
    cache_url: str,
    stand_ins: Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Doors]:
    ours, another = trustme.CA(), trustme.CA()
    folder = tmp_path_factory.mktemp("authorities")
    files = {name: folder / f"{name}.pem" for name in ("ca", "other", "cert", "key", "both")}
    ours.cert_pem.write_to_path(str(files["ca"]))
    another.cert_pem.write_to_path(str(files["other"]))
    mine, theirs = ours.issue_cert("priyom.example"), another.issue_cert("priyom.example")
    mine.cert_chain_pems[0].write_to_path(str(files["cert"]))
    mine.private_key_pem.write_to_path(str(files["key"]))
    theirs.private_key_and_cert_chain_pem.write_to_path(str(files["both"]))
    temporal = stand_ins.service_client.config.target_host
    shown, asking = shown_by(ours), shown_by(ours, asks_for=ours)
    async with (
        terminated(clinic_database.url, shown) as postgres,
        terminated(cache_url, shown) as valkey,
        terminated(temporal, asking) as strict,
    ):
        yield Doors(
            ca=files["ca"],
            other_ca=files["other"],
            certificate=files["cert"],
            key=files["key"],
            of_other_authority=files["both"],
            postgres=moved(clinic_database.url, postgres),
            plain_postgres=clinic_database.url,
            valkey=moved(cache_url, valkey).replace("redis:", "rediss:"),
            temporal=f"{LOOPBACK}:{strict}",
            asks_for_ours=asking,
        )


async def test_postgresql_is_reached_by_tls_that_is_verified(doors: Doors) -> None:
    async with (
        connect_database(doors.database(), pool_size=1, name="test") as database,
        database.lend() as connection,
    ):
        assert connection.info.dsn
        assert connection.pgconn.ssl_in_use

    assert await postgres_refuses(doors.database()) is None


async def test_postgresql_that_will_never_let_us_in_is_told_apart_from_one_that_is_away(
    doors: Doors,
) -> None:
    other, nowhere = str(doors.other_ca), str(doors.ca.parent / "none.pem")
    elsewhere = f"postgresql://priyom:{PASSWORD}@{NOBODY}/priyom"

    assert await postgres_refuses(doors.database(ca=other)) == AUTHORITY
    assert await postgres_refuses(doors.database(mode="verify-ca", ca=other)) == AUTHORITY
    assert await postgres_refuses(doors.database(url=doors.plain_postgres)) == NO_TLS
    assert await postgres_refuses(doors.database(ca=nowhere)) == UNREADABLE
    assert await postgres_refuses(with_password(doors.database(), WRONG)) == USER
    assert await postgres_refuses(with_password(doors.plain_postgres, WRONG)) == USER
    assert await postgres_refuses(doors.database(url=elsewhere)) is None
    assert await postgres_refuses(elsewhere) is None


async def test_valkey_is_reached_by_tls_that_is_verified(doors: Doors) -> None:
    redis = connect_redis(doors.redis(), name="test")

    assert await redis.ping()
    assert await redis_refuses(doors.redis()) is None
    await redis.aclose()


async def test_valkey_that_will_never_let_us_in_is_told_apart_from_one_that_is_away(
    doors: Doors, cache_url: str
) -> None:
    assert await redis_refuses(doors.redis(doors.other_ca)) == AUTHORITY
    assert await redis_refuses(with_password(doors.redis(), WRONG)) == USER
    assert await redis_refuses(cache_url.replace(f":{urlsplit(cache_url).password}@", "")) == USER
    assert await redis_refuses(f"redis://{NOBODY}/0") is None


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    ours, folder = trustme.CA(), tmp_path_factory.mktemp("guarded")
    ours.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    async with guarded_kafka(folder / "kafka", ours) as address:
        yield Guarded(address, folder / "ca.pem", folder / "other.pem")


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_events_go_out_and_in_by_sasl_over_tls(guarded: Guarded, mechanism: str) -> None:
    brokers = guarded.brokers(mechanism)
    await ensure_topics(brokers)
    writer, reader = Writer(brokers), EventReader(brokers, f"test-{mechanism}")

    await writer.write(APPOINTMENTS, key=b"k", value=mechanism.encode(), headers=[])
    await reader.start()
    read = [record.value for record in await reader.read(at_most=10)]
    while mechanism.encode() not in read:
        read += [record.value for record in await reader.read(at_most=10)]

    await ask_kafka(brokers)
    assert await kafka_refuses(brokers) is None
    assert await lag_of(brokers, group=GROUP, topic=APPOINTMENTS, within=30) is not None
    assert await dead_records(brokers) == []
    await reader.stop()
    await writer.stop()


async def test_kafka_that_will_never_let_us_in_is_told_apart_from_one_that_is_away(
    guarded: Guarded,
) -> None:
    for mechanism in MECHANISMS:
        assert await kafka_refuses(guarded.brokers(mechanism, password=WRONG)) == USER
    assert await kafka_refuses(guarded.brokers("SCRAM-SHA-256")) == USER, "not offered"
    assert await kafka_refuses(guarded.brokers(ca=str(guarded.other_ca))) == AUTHORITY
    away = Brokers(servers=NOBODY, protocol="SASL_SSL", authority=guarded.ca, user="u")
    assert await kafka_refuses(away) is None
    assert PASSWORD not in repr(guarded.brokers())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, doors: Doors) -> pytest.MonkeyPatch:
    """Settings of a process that everybody lets in; a test changes what it is about."""
    monkeypatch.setenv("DATABASE_URL", doors.database())
    monkeypatch.setenv("REDIS_URL", doors.redis())
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", NOBODY)
    for name, value in doors.mtls().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def set_all(told: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        told.setenv(name, value)


async def test_temporal_is_reached_by_mtls_with_an_api_key(told: pytest.MonkeyPatch) -> None:
    told.setenv("TEMPORAL_API_KEY", "key-of-the-test")
    client = await connect_patiently(priyom_plugin())

    found = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )

    assert found.namespace_info.name == "default"
    await asyncio.to_thread(check_servers, connections())
    await asyncio.to_thread(check_api_key)
    del client
    gc.collect()


async def refused(told: pytest.MonkeyPatch, settings: dict[str, str]) -> str:
    set_all(told, settings)
    with pytest.raises(BadSettings) as why:
        await asyncio.to_thread(check_servers, connections())
    return str(why.value)


async def test_temporal_that_will_never_let_us_in_ends_the_start(
    told: pytest.MonkeyPatch, doors: Doors
) -> None:
    wrong_ca = await refused(told, doors.mtls(ca=doors.other_ca))
    async with handshaking(doors.asks_for_ours) as port:
        there = {"TEMPORAL_ADDRESS": f"{LOOPBACK}:{port}"}
        of_another = doors.mtls(certificate=doors.of_other_authority)
        wrong_certificate = await refused(told, of_another | there)
    no_file = await refused(
        told, doors.mtls() | {"TEMPORAL_TLS_CLIENT_KEY_PATH": str(doors.ca.parent / "none.pem")}
    )

    assert wrong_ca == f"TEMPORAL_TLS_*: {AUTHORITY}"
    assert wrong_certificate == f"TEMPORAL_TLS_*: {CERTIFICATE}"
    assert no_file == f"TEMPORAL_*: {UNREADABLE}"


async def test_an_api_key_that_temporal_refuses_ends_the_start(
    told: pytest.MonkeyPatch, doors: Doors
) -> None:
    ours = trustme.CA()
    ours.cert_pem.write_to_path(str(doors.ca.parent / "of-the-refusing.pem"))
    async with listening(refusing_everybody, shown_by(ours)) as port:
        set_all(
            told,
            {
                "TEMPORAL_ADDRESS": f"{LOOPBACK}:{port}",
                "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(doors.ca.parent / "of-the-refusing.pem"),
                "TEMPORAL_API_KEY": "key-of-nobody",
            },
        )
        with pytest.raises(BadSettings, match="TEMPORAL_API_KEY: the server refuses") as why:
            await asyncio.to_thread(check_api_key)

    assert "key-of-nobody" not in str(why.value)


@pytest.mark.parametrize("process", ["api", "worker"])
async def test_a_process_that_nobody_lets_in_ends_with_one_line_that_names_each_setting(
    process: str, doors: Doors, guarded: Guarded
) -> None:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PATIENTLY, process),
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PRIYOM_SECRET": "s" * 32,
            "DATABASE_URL": with_password(doors.database(), WRONG),
            "REDIS_URL": with_password(doors.redis(), WRONG),
            "KAFKA_BOOTSTRAP_SERVERS": guarded.address,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SSL_CA_FILE": str(guarded.ca),
            "KAFKA_SASL_USERNAME": "priyom",
            "KAFKA_SASL_PASSWORD": WRONG,
            **doors.mtls(ca=doors.other_ca),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await started.communicate()
    said = output.decode()

    assert started.returncode == 2
    assert len(said.splitlines()) == 1, said
    for setting in ("DATABASE_URL: ", "REDIS_URL: ", "KAFKA_SASL_PASSWORD: ", "TEMPORAL_TLS_*: "):
        assert setting in said
    assert WRONG not in said
