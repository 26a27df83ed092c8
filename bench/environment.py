"""The peers' own virtual environment, made at first use: nothing but the benchmark needs it."""

import zlib
from pathlib import Path

from stack.home import CHECKOUT
from stack.progress import Steps, run_quietly

FOLDER = CHECKOUT / ".venv-bench"
PYTHON = FOLDER / "bin" / "python"
LOCK = CHECKOUT / "requirements-bench.lock"
STAMP = FOLDER / "stamp"


def install(steps: Steps) -> None:
    """Exactly the packages of the lock file; nothing to do when it has them."""
    wanted = str(zlib.crc32(LOCK.read_bytes()))
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    uv = CHECKOUT / ".venv" / "bin" / "uv"
    with steps.step("installing the peers' packages into .venv-bench"):
        base = CHECKOUT / ".venv" / "bin" / "python"
        run_quietly([uv, "venv", "--quiet", "--clear", "--python", base, FOLDER], CHECKOUT)
        exact = ("--quiet", "--compile-bytecode", "--require-hashes")
        run_quietly([uv, "pip", "install", *exact, "--python", PYTHON, "-r", LOCK], CHECKOUT)
    STAMP.write_text(wanted)


def package_version(name: str) -> str:
    """The version of one package that is installed there; empty where it is not."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return run_quietly([Path(PYTHON), "-c", code], CHECKOUT).strip()
