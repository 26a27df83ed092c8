"""Restate's server, fetched once by npm into the cache of fetched things.

At its start it asks the internet for a newer version of itself, which no setting turns off; without
an answer it goes on.
"""

import hashlib
import os
import shutil
import signal
import stat
import tempfile
from functools import partial
from pathlib import Path

from stack.errors import MissingToolError, StepFailedError
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program
from stack.progress import Steps, run_quietly
from stack.supplies.cache import cache_folder, once, replaced

VERSION = "1.7.12"
DIGESTS = Path(__file__).with_name("restate-server.sha512")
"""Of each platform's package of that version, as sha512sum prints them."""

MACHINES = {"x86_64": "x64", "aarch64": "arm64"}

PARTITIONS = 4
"""The default of 24 is for many cores; Restate's own setup of a single node has four."""


def restate_server() -> Path:
    """The program; it must have been fetched before."""
    return cache_folder() / f"restate-server-{VERSION}"


def fetch(steps: Steps) -> None:
    with once(cache_folder() / "restate.lock"):
        if restate_server().exists():
            return
        with steps.step(f"fetching Restate's server {VERSION} with npm (80 MB)"):
            _fetch()


def check(archive: Path) -> None:
    """Refuse a package that differs in any way from those of the list that is committed."""
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    if f"{digest}  {archive.name}" not in DIGESTS.read_text().splitlines():
        raise StepFailedError(f"{archive.name} is not the package of {DIGESTS.name}")


def program(folder: Path, ports: Ports) -> tuple[Program, str, str]:
    """The server, its ingress, its admin API. As durable as by default: its log is synced."""
    fabric, ingress, admin = ports.take(), ports.take(), ports.take()
    folder.mkdir(parents=True, exist_ok=True)
    admin_url = f"http://{LOOPBACK}:{admin}"
    environment = {
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_BASE_DIR": str(folder),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_ADDRESS": f"{LOOPBACK}:{fabric}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://{LOOPBACK}:{fabric}/",
        "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{admin}",
        "RESTATE_DEFAULT_NUM_PARTITIONS": str(PARTITIONS),
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RUST_LOG": "warn",
    }
    server = Program(
        name="restate-server",
        argv=[str(restate_server()), "--no-logo"],
        env=environment,
        ready=partial(http_answers, f"{admin_url}/health"),
        port=ingress,
        stop_signal=signal.SIGKILL,  # ends it while it is paused, too; its data is thrown away
    )
    return server, f"http://{LOOPBACK}:{ingress}", admin_url


def _fetch() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingToolError("npm is needed once, to fetch Restate: apt-get install npm")
    with tempfile.TemporaryDirectory() as name, replaced(restate_server()) as new:
        folder = Path(name)
        package = f"@restatedev/restate-server-{_platform()}@{VERSION}"
        run_quietly([npm, "pack", "--silent", package], cwd=folder)
        archive = next(folder.glob("*.tgz"))
        check(archive)
        shutil.unpack_archive(archive, folder, filter="data")
        shutil.copy(folder / "package" / "bin" / "restate-server", new)
        new.chmod(new.stat().st_mode | stat.S_IXUSR)


def _platform() -> str:
    """As npm names it; a system without a package is refused by npm."""
    machine = os.uname().machine
    return f"{os.uname().sysname.lower()}-{MACHINES.get(machine, machine)}"
