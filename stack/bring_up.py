"""The start of a stack: servers concurrently, then the database, then our processes."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg.rows import kwargs_row

from stack.demo_accounts import save_accounts
from stack.errors import NotReadyError
from stack.plan import Plan
from stack.program import Program, end, launch
from stack.progress import tail
from stack.run_state import Patient
from stack.supervisor import Kept, Supervisor

DEMO_DOCTORS, DEMO_DAYS = 20, 14
PATIENTS = "SELECT id::text, email, phone, language FROM patients ORDER BY id LIMIT 300"


class Reporter(Protocol):
    """Receives the progress of a start."""

    def begin(self, name: str) -> None: ...
    def finish(self, name: str) -> None: ...
    def fail(self, name: str) -> None: ...


class BringUp:
    """One start of one stack."""

    def __init__(self, plan: Plan, supervisor: Supervisor, report: Reporter, logs: Path) -> None:
        self._plan = plan
        self._report = report
        self._logs = logs
        self._add_server = supervisor.add_wave()
        self._add_worker = supervisor.add_wave()
        self._add_api = supervisor.add_wave()

    async def run(self) -> list[Patient]:
        """Start everything; return the demo patients. NotReadyError says what failed."""
        async with asyncio.TaskGroup() as group:
            database = group.create_task(self._database())
            for name, make in self._plan.servers.items():
                if name != "postgres":
                    group.create_task(self._server(name, make))
        async with asyncio.TaskGroup() as group:
            for program in self._plan.processes:
                add = self._add_api if program.name == "api" else self._add_worker
                group.create_task(self._told(program.name, self._ready(add(program))))
        return database.result()

    async def _database(self) -> list[Patient]:
        if "postgres" in self._plan.servers:
            await self._server("postgres", self._plan.servers["postgres"])
        if not self._plan.processes:
            return []
        await self._told("migrations", self._step("alembic", "upgrade", "head"))
        environment = {**os.environ, **self._plan.environment}
        url = environment["DATABASE_URL"]
        # Our own database is seeded at every start, because its shifts reach two weeks ahead.
        # A database that the environment names is seeded only if it is empty.
        ours = "postgres" in self._plan.servers
        if self._plan.seeded and (ours or not await demo_patients(url)):
            amounts = (f"--doctors={DEMO_DOCTORS}", f"--days={DEMO_DAYS}")
            await self._told("demo data", self._step("stack", "seed", *amounts))
        if self._plan.issuer is not None:
            await save_accounts(plain_url(url), self._plan.issuer, self._plan.accounts)
        return await demo_patients(url)

    async def _server(self, name: str, make: Callable[[], Program]) -> None:
        async def start() -> None:
            # In a thread: a new database or Kafka storage takes a second or two.
            await self._ready(self._add_server(await asyncio.to_thread(make)))

        await self._told(name, start())

    async def _ready(self, kept: Kept) -> None:
        try:
            await kept.start()
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{_last_lines(kept.log)}") from None

    async def _step(self, module: str, *arguments: str) -> None:
        """Run a Python program to its end, such as the migrations."""
        name = "-".join((module, arguments[0]))
        program = Program(
            name=name,
            argv=[sys.executable, "-m", module, *arguments],
            env={**self._plan.environment, **self._plan.of_migrations},
        )
        log = self._logs / f"{name}.log"
        process = await launch(program, log)
        try:
            code = await process.wait()
        finally:
            await end(program, process)
        if code != 0:
            raise NotReadyError(f"{' '.join(program.argv[2:])} failed\n{_last_lines(log)}")

    async def _told(self, name: str, work: Awaitable[None]) -> None:
        self._report.begin(name)
        try:
            await work
        except Exception:
            self._report.fail(name)
            raise
        self._report.finish(name)


async def demo_patients(url: str) -> list[Patient]:
    async with (
        await psycopg.AsyncConnection.connect(plain_url(url)) as connection,
        connection.cursor(row_factory=kwargs_row(_patient)) as cursor,
    ):
        await cursor.execute(PATIENTS)
        return await cursor.fetchall()


def plain_url(url: str) -> str:
    """The URL without the name of a SQLAlchemy driver, which other clients do not understand."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _patient(**row: str) -> Patient:
    return Patient(id=row["id"], email=row["email"], phone=row["phone"], language=row["language"])


def _last_lines(log: Path) -> str:
    return tail(log.read_text(errors="replace")) if log.exists() else ""
