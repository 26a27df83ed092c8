"""What is built from source, by the files that pin it."""

import re
from pathlib import Path

from stack.supplies import temporal_cli, temporal_server

SERVER = re.compile(r"^\s*go\.temporal\.io/server (v\S+)", re.MULTILINE)


def server_in(folder: Path) -> str:
    [version] = SERVER.findall((folder / "go.mod").read_text())
    return str(version)


def test_the_rehearsal_has_the_server_that_make_up_runs() -> None:
    assert server_in(temporal_server.FOLDER) == server_in(temporal_cli.FOLDER)
