"""`make check`: one line per check, and the output of those that fail."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stack.documents import check_documents
from stack.embedded import embedded_postgres
from stack.errors import StepFailedError
from stack.home import CHECKOUT
from stack.progress import run_quietly

BIN = Path(sys.executable).parent


def _tool(name: str, *arguments: str) -> None:
    run_quietly([BIN / name, *arguments], cwd=CHECKOUT)


def _run(module: str) -> None:
    run_quietly([sys.executable, "-m", module], cwd=CHECKOUT)


def check_migrations() -> None:
    """The migrations create exactly the tables that the code declares."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_compare_migrations(Path(folder)))


async def _compare_migrations(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        environment = {**os.environ, "DATABASE_URL": url}
        for command in (("upgrade", "head"), ("check",)):
            argv = [BIN / "alembic", *command]
            await asyncio.to_thread(run_quietly, argv, CHECKOUT, environment)


STEPS: dict[str, Callable[[], None]] = {
    "format": partial(_tool, "ruff", "format", "--check", "."),
    "lint": partial(_tool, "ruff", "check", "."),
    "types": partial(_tool, "mypy", "."),
    "imports point one way": partial(_tool, "lint-imports"),
    "no dead or missing dependency": partial(_tool, "deptry", "."),
    "no locked version with a known flaw": partial(_run, "scripts.advisories"),
    "migrations = models": check_migrations,
    "documents = code": check_documents,
}


def main() -> int:
    failed = 0
    for name, step in STEPS.items():
        began = time.monotonic()
        problem = _problem_of(step)
        print(f"{'ok' if not problem else 'FAILED':<7}{name} ({time.monotonic() - began:.1f} s)")
        if problem:
            failed += 1
            print(problem)
        sys.stdout.flush()
    return 1 if failed else 0


def _problem_of(step: Callable[[], None]) -> str:
    """What was wrong; empty if nothing."""
    try:
        step()
    except (StepFailedError, RuntimeError, OSError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
