"""`make import` says what it needs before it sends anything."""

from pathlib import Path

import httpx
import pytest

from stack import run_state
from stack.errors import StackError
from stack.home import Home
from stack.importing import import_file, reported

STATE: run_state.RunState = {"api": "http://127.0.0.1:1"}  # type: ignore[typeddict-item]


def test_without_a_stack_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_HOME", str(tmp_path))

    with pytest.raises(StackError, match="make up"):
        import_file(tmp_path / "visits.csv", "a clinic")


def test_it_has_to_be_said_to_which_clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIYOM_HOME", str(tmp_path))
    monkeypatch.setattr(run_state, "read", lambda _: STATE)

    with pytest.raises(StackError, match="CLINIC="):
        import_file(tmp_path / "visits.csv")


@pytest.mark.parametrize("name", ["visits.xls", "not-there.csv"])
def test_a_file_has_to_be_of_a_kind_that_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "visits.xls").write_text("")

    with pytest.raises(StackError, match="must be a file"):
        reported(Home(tmp_path), STATE, tmp_path / name, "a clinic", dry=True)


def test_nobody_signs_in_where_there_is_no_issuer(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("")

    with pytest.raises(httpx.ConnectError):
        reported(Home(tmp_path), STATE, file, "a clinic", dry=True)
