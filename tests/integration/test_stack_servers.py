"""The embedded servers come back after being killed, with what they had been given."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stack.accounts import unprivileged_account
from stack.embedded import embedded_temporal, running, temporary_folder
from stack.ports import Ports
from stack.servers import kafka, postgres, temporal, valkey

ODD = "мой дом, café: 🏠=1; %41 a#b?c&d \\n \"q\" 'r' $HOME"


def folders_in(folder: Path) -> list[Path]:
    """Nothing was taken for the name of another one."""
    return [each for each in folder.iterdir() if each.is_dir()]


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.release()


async def test_postgres_keeps_what_was_committed(tmp_path: Path, ports: Ports) -> None:
    account, port = unprivileged_account(), ports.take()
    with temporary_folder(account, tmp_path) as folder:
        data = postgres.initialise(folder, "secret", account)
        program = postgres.program(data, port, "secret")
        address = postgres.address(port, "secret")

        async with running(program, tmp_path) as process:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            process.kill()
            await process.wait()

        async with running(program, tmp_path):
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


async def test_postgres_ends_when_one_of_its_processes_crashes(
    tmp_path: Path, ports: Ports
) -> None:
    """And leaves it to its supervisor: its own restart in place may never come to an end."""
    account, port = unprivileged_account(), ports.take()
    with temporary_folder(account, tmp_path) as folder:
        data = postgres.initialise(folder, "secret", account)
        program = postgres.program(data, port, "secret")
        address = postgres.address(port, "secret")

        async with running(program, tmp_path) as process, asyncio.timeout(60):
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
                os.kill(connection.info.backend_pid, signal.SIGKILL)
            await process.wait()

        async with running(program, tmp_path):
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_postgres_does_not_run_as_root(tmp_path: Path, ports: Ports) -> None:
    account, port = unprivileged_account(), ports.take()
    with temporary_folder(account, tmp_path) as folder:
        data = postgres.initialise(folder, "secret", account, durable=False)

        async with running(postgres.program(data, port, "secret"), tmp_path) as process:
            assert Path(f"/proc/{process.pid}").stat().st_uid != 0  # noqa: ASYNC240 - one look


async def test_kafka_keeps_its_topics_in_a_home_of_any_letters_without_a_locale(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    port, home = ports.take(), tmp_path / ODD
    program = kafka.program(kafka.initialise(home, port, ports.take()), port)

    async with running(program, tmp_path) as process:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address(port))
        await admin.start()
        await admin.create_topics([NewTopic("kept", 3, 1)])
        await admin.close()
        process.kill()
        await process.wait()

    async with running(program, tmp_path):
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address(port))
        await admin.start()
        topics = await admin.list_topics()
        await admin.close()
    assert "kept" in topics
    assert folders_in(tmp_path) == [home]


async def test_temporal_and_valkey_live_in_a_home_of_any_letters(
    tmp_path: Path, ports: Ports
) -> None:
    home = tmp_path / ODD
    file = home / "temporal" / "temporal.db"
    database = temporal.program(file, temporal.TemporalPorts.take(ports))
    cache = valkey.program(home / "valkey", ports.take(), "p" * 16)

    async with running(database, tmp_path), running(cache, tmp_path):
        assert file.exists()
    assert folders_in(tmp_path) == [home]


async def test_temporal_starts_again_on_its_file(tmp_path: Path, ports: Ports) -> None:
    program = temporal.program(tmp_path / "temporal.db", temporal.TemporalPorts.take(ports))

    async with running(program, tmp_path) as process:
        process.kill()
        await process.wait()

    async with running(program, tmp_path) as process:
        assert process.returncode is None


async def test_temporal_in_memory_is_ready_with_time_skipping(tmp_path: Path) -> None:
    async with embedded_temporal(tmp_path, time_skipping=True) as address:
        assert address.startswith("127.0.0.1:")
