"""`make up WITH=pgbouncer`: who goes through the pooler, and who past it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.process.settings import product
from stack.home import Home
from stack.names import EVERYTHING
from stack.plan import Plan, make_plan
from stack.ports import Ports
from stack.servers import pgbouncer


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.create()
    return made


def planned(home: Home, *extras: str) -> Plan:
    ports = Ports()
    try:
        return make_plan(home, product(), ports, (*EVERYTHING, *extras))
    finally:
        ports.release()


def test_our_processes_go_through_the_pooler_and_know_postgresql_for_what_a_session_keeps(
    home: Home,
) -> None:
    plan = planned(home, "pgbouncer")

    owner, pooler = urlsplit(plan.environment["DATABASE_URL"]), urlsplit(plan.pooler or "")
    assert pooler.port != owner.port
    assert (pooler.username, pooler.password) == (owner.username, owner.password)
    for process in plan.processes:
        through = urlsplit(process.env["DATABASE_URL"])
        direct = urlsplit(process.env["DATABASE_DIRECT_URL"])
        assert (through.port, direct.port) == (pooler.port, owner.port)
        assert (through.username, through.password) == (direct.username, direct.password)
        assert through.username != owner.username


def test_without_a_pooler_our_processes_know_of_none(home: Home) -> None:
    plan = planned(home)

    assert plan.pooler is None
    assert {process.env["DATABASE_DIRECT_URL"] for process in plan.processes} == {""}


def test_what_the_pooler_knows_of_its_roles_is_for_its_account_alone(tmp_path: Path) -> None:
    urls = ["postgresql://owner:s%2Fcret@127.0.0.1:5001/clinic"]

    configuration = pgbouncer.initialise(tmp_path, urls, 6432, None)

    users = tmp_path / pgbouncer.USERS
    assert users.read_text() == '"owner" "s/cret"\n'
    assert "host=127.0.0.1 port=5001" in configuration.read_text()
    assert {file.stat().st_mode & 0o777 for file in (users, configuration)} == {0o600}
