"""Temporal's production server and its tool of schemas, built from source for the rehearsal alone.

`make up` runs Temporal's development server: `make prepare` does not build this one.
"""

from pathlib import Path

from stack.errors import MissingToolError
from stack.progress import Steps
from stack.supplies.cache import cache_folder, once, replaced
from stack.supplies.go_build import build, digest_of

FOLDER = Path(__file__).resolve().parent.parent / "temporal-server"
SERVER = "go.temporal.io/server/cmd/server"
SQL_TOOL = "go.temporal.io/server/cmd/tools/sql"
"""Lays out the tables. Their statements are inside the program."""


def temporal_server() -> Path:
    """The path of the server. It must have been built before."""
    return _built(SERVER)


def temporal_sql_tool() -> Path:
    return _built(SQL_TOOL)


def make_temporal_server(steps: Steps) -> None:
    """Build both into the cache if they are missing. MissingToolError without Go."""
    with once(cache_folder() / "temporal-server.lock"):
        for package in (SERVER, SQL_TOOL):
            if not _cached(package).exists():
                step = f"building {package} with Go (once, some minutes)"
                with steps.step(step), replaced(_cached(package)) as new:
                    build(FOLDER, package, new)


def _built(package: str) -> Path:
    if not _cached(package).exists():
        raise MissingToolError("Temporal's production server is not built yet")
    return _cached(package)


def _cached(package: str) -> Path:
    name = "temporal-server" if package == SERVER else "temporal-sql-tool"
    return cache_folder() / f"{name}-{digest_of(FOLDER)}"
