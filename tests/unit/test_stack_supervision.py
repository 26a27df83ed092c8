"""The pure parts of the stack: pauses, names, the state file, ports, folders, the cache."""

import os
import socket
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey

from stack import run_state
from stack.accounts import claim, reachable_by_others
from stack.errors import StackError, StepFailedError
from stack.home import LONGEST_SOCKET_PATH, Home
from stack.logs import follow
from stack.names import EVERYTHING, chosen, wished
from stack.ports import LOOPBACK, Ports
from stack.run_state import RunState
from stack.servers import kafka, temporal
from stack.supervisor import Backoff
from stack.supplies.cache import replaced
from stack.supplies.kafka_jars import check
from workflows import names


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [Backoff().pause(failures) for failures in range(7)]

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_everything_is_started_when_nothing_is_said() -> None:
    assert chosen((), {}) == list(EVERYTHING)


def test_an_extra_is_started_beside_everything_or_beside_what_is_named() -> None:
    assert wished("") == []
    assert wished("", "prometheus,pgbouncer") == [*EVERYTHING, "prometheus", "pgbouncer"]
    assert wished("api, worker", "prometheus") == ["api", "worker", "prometheus"]
    with pytest.raises(StackError, match="there is no zookeeper; there are postgres"):
        wished("zookeeper")
    with pytest.raises(StackError, match="there is no grafana; there are prometheus"):
        wished("", "grafana")


def test_a_server_from_the_environment_is_not_started() -> None:
    names = chosen((), {"DATABASE_URL": "postgresql://db/x", "TEMPORAL_ADDRESS": "t:7233"})

    assert names == ["valkey", "kafka", "issuer", "mailbox", "worker", "notifier", "api"]


@pytest.mark.parametrize(
    ("given", "mailbox"),
    [
        ({"SMTP_URL": "smtp://mail"}, True),
        ({"SMTP_URL": "smtp://mail", "SMS_GATEWAY_URL": "http://sms"}, False),
        ({"SMTP_URL": "smtp://mail", "SMS_GATEWAY_URL": ""}, True),
    ],
)
def test_the_mailbox_stays_while_one_channel_needs_it(
    given: dict[str, str], *, mailbox: bool
) -> None:
    assert ("mailbox" in chosen((), given)) is mailbox


def test_the_state_file_is_whole_private_and_reads_back(tmp_path: Path) -> None:
    state: RunState = {
        "api": "http://127.0.0.1:8000",
        "temporalUi": None,
        "temporalAddress": "127.0.0.1:7233",
        "temporalNamespace": "default",
        "databaseUrl": None,
        "redisUrl": None,
        "kafkaBootstrapServers": None,
        "mailbox": None,
        "pids": {"api": 5, "worker": None},
        "logs": str(tmp_path),
        "patients": [{"id": "1", "email": "a@b.test", "phone": "+7", "language": "ru"}],
    }

    run_state.write(tmp_path / "run.json", state)

    assert run_state.read(tmp_path / "run.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600


def test_no_state_file_means_nothing_is_up(tmp_path: Path) -> None:
    assert run_state.read(tmp_path / "run.json") is None


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    ports = Ports()
    with socket.socket() as somebody:
        somebody.bind((LOOPBACK, 0))
        somebody.listen()
        taken = somebody.getsockname()[1]

        assert ports.take(taken) != taken

    ports.release()


def test_a_reserved_port_is_not_given_twice() -> None:
    ours, theirs = Ports(), Ports()
    port = ours.take()

    assert theirs.take(port) != port

    ours.release()
    assert theirs.take(port) == port
    theirs.release()


def test_a_long_home_gets_a_short_control_socket(tmp_path: Path) -> None:
    home = Home(tmp_path / ("x" * 120))

    assert len(os.fsencode(home.control_socket)) <= LONGEST_SOCKET_PATH
    assert home.control_socket != Home(tmp_path / ("y" * 120)).control_socket


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)

    secret = home.secret("secret")

    assert len(secret) == 64
    assert home.secret("secret") == secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_folder_behind_a_closed_one_is_out_of_others_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert not reachable_by_others(closed / "inside")
    assert reachable_by_others(Path("/var/tmp"))  # noqa: S108 - only looked at


def test_a_link_that_somebody_laid_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)

    with pytest.raises(StackError, match="not ours"):
        claim(tmp_path / "link")


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    def build() -> None:
        with replaced(tmp_path / "built") as new:
            new.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_put_in_place_whole(tmp_path: Path) -> None:
    with replaced(tmp_path / "built") as new:
        new.mkdir()
        (new / "file").write_text("all")

    assert (tmp_path / "built" / "file").read_text() == "all"


def test_a_jar_that_is_not_on_the_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evil.jar").write_bytes(b"not a jar")

    with pytest.raises(StepFailedError, match=r"evil\.jar"):
        check(tmp_path)


def test_kafka_is_formatted_for_one_node_without_topics_of_its_own_making() -> None:
    text = kafka.properties("data", 9092, 9093)

    assert "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093" in text
    assert "auto.create.topics.enable=false" in text


def test_temporal_knows_the_search_attributes_of_the_runs() -> None:
    assert temporal.SEARCH_ATTRIBUTES["AppointmentStart"] == "Datetime"
    used = [each for each in vars(names).values() if isinstance(each, SearchAttributeKey)]
    assert set(temporal.SEARCH_ATTRIBUTES) == {each.name for each in used}


def test_followed_logs_say_whose_line_it_is(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text("started\nhalf a li")
    lines = follow(tmp_path)

    assert next(lines).strip() == "api | started"

    with (tmp_path / "api.log").open("a") as log:
        log.write("ne\n")
    assert next(lines).strip() == "api | half a line"
