"""PgBouncer, for `WITH=pgbouncer` and the tests behind a pooler: from PATH, the cache, or built.

It is built from the sources that Debian keeps, fetched by apt from the archive that this machine
uses, and compared with our digest.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from stack.errors import MissingToolError, StepFailedError
from stack.progress import Steps, run_quietly
from stack.supplies.cache import cache_folder, once, replaced

OLDEST = (1, 21)
"""From this version on, what a client prepares goes with it from connection to connection."""

VERSION = "1.24.1"
SOURCES = f"pool/main/p/pgbouncer/pgbouncer_{VERSION}.orig.tar.gz"
SHA256 = "da72a3aba13072876d055a3e58dd4aba4a5de4ed6148e73033185245598fd3e0"
FETCH = Path("/usr/lib/apt/apt-helper")
PLACES = ("pgbouncer", "/usr/sbin/pgbouncer")
INSTALL = "apt-get install pgbouncer (1.21 or newer), or libevent-dev to have it built"
WITHOUT = ("--without-cares", "--without-openssl", "--without-pam", "--without-systemd")


def pgbouncer() -> Path:
    """The path of the program. It must have been found or built before."""
    found = find()
    if found is None:
        raise MissingToolError(
            f"PgBouncer is not built yet: run `make prepare WITH=pgbouncer`, or {INSTALL}"
        )
    return found


def find() -> Path | None:
    for name in PLACES:
        found = shutil.which(name)
        if found is not None and _version(found) >= OLDEST:
            return Path(found)
    return _cached() if _cached().exists() else None


def make_pgbouncer(steps: Steps) -> None:
    """Unless it is found, build it into the cache. Raises MissingToolError."""
    with once(cache_folder() / "pgbouncer.lock"):
        if find() is None:
            _build(steps)


def _build(steps: Steps) -> None:
    try:
        with steps.step("building PgBouncer (once, a minute)"), replaced(_cached()) as new:
            _make(new)
    except (MissingToolError, StepFailedError, OSError) as error:
        raise MissingToolError(f"{error}\nPgBouncer could not be built: {INSTALL}") from None


def _make(program: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        archive = place / "sources.tar.gz"
        source = f"{_debian_archive()}{SOURCES}"
        run_quietly([FETCH, "download-file", source, archive, f"SHA256:{SHA256}"], cwd=place)
        with tarfile.open(archive) as sources:
            sources.extractall(place, filter="data")
        unpacked = place / f"pgbouncer-{VERSION}"
        run_quietly(["sh", "./configure", *WITHOUT], cwd=unpacked)
        run_quietly(["make", "pgbouncer"], cwd=unpacked)
        shutil.copy(unpacked / "pgbouncer", program)


def _debian_archive() -> str:
    """The first that apt has configured."""
    apt = shutil.which("apt-get")
    if apt is None or not FETCH.exists():
        raise MissingToolError("There is no apt on this machine.")
    asked = [apt, "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if not listed:
        raise MissingToolError("apt knows no archive: apt-get update")
    return listed[0]


def _version(program: str) -> tuple[int, ...]:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", shown.stdout)
    return (int(found[1]), int(found[2])) if found else ()


def _cached() -> Path:
    return cache_folder() / f"pgbouncer-{SHA256[:12]}"
