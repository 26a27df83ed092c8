"""Keeps programs running: starts them, restarts those that die, holds down those it is told to."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from stack.errors import NotReadyError
from stack.program import Program, describe_exit, end, launch, until_ready


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    HELD = "held"


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Seconds. The pause doubles from `first` to `most`; `steady` seconds of running reset it."""

    first: float = 1
    most: float = 30
    steady: float = 10

    def pause(self, failures: int) -> float:
        return min(self.first * 2.0**failures, self.most)


BACKOFF = Backoff()
# The first start has two tries: another process may take a port before it is bound.
FIRST_STARTS = 2
CANCELLED_AGAIN_AFTER = 0.5


class Kept:
    """One supervised program."""

    def __init__(
        self, program: Program, log: Path, changed: Callable[[], None], backoff: Backoff = BACKOFF
    ) -> None:
        self.program = program
        self.log = log
        self.state = State.HELD
        self.since = datetime.now(UTC)
        self.restarts = 0
        self.pid: int | None = None
        self._changed = changed
        self._backoff = backoff
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._outcome: asyncio.Future[None] | None = None
        self._launching = asyncio.Lock()

    async def start(self) -> None:
        """Return when it is ready. On NotReadyError the supervisor keeps trying."""
        if self._keeper is not None:
            return
        self._outcome = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(self._outcome))
        await self._outcome

    async def stop(self) -> None:
        """Stop it and hold it down until the next `start`."""
        while self._keeper is not None and not self._keeper.done():
            async with self._launching:  # or a process that was just launched would be lost
                self._keeper.cancel()
            # More than once: a probe's library may lose it, as `wait_for` does in Python 3.11.
            await asyncio.wait((self._keeper,), timeout=CANCELLED_AGAIN_AFTER)
        self._keeper = None
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(NotReadyError(f"{self.program.name} was stopped"))
        if self._process is not None:
            await end(self.program, self._process)
        self._process = self.pid = None
        self._become(State.HELD)

    async def _keep(self, outcome: asyncio.Future[None]) -> None:
        failures = 0
        while True:
            steady, why = await self._run_once(outcome)
            failures = 0 if steady else failures
            pause = self._backoff.pause(failures)
            failures += 1
            if failures >= FIRST_STARTS and not outcome.done():
                outcome.set_exception(NotReadyError(why))
            _say(f"{self.program.name} {why}; starting it again in {pause:g} s")
            self._become(State.RESTARTING)
            await asyncio.sleep(pause)
            self.restarts += 1

    async def _run_once(self, outcome: asyncio.Future[None]) -> tuple[bool, str]:
        """Run it until it ends. Return whether it was up for long, and how it ended."""
        clock = asyncio.get_running_loop().time
        try:
            async with self._launching:
                process = self._process = await launch(self.program, self.log)
        except OSError as error:
            return False, f"could not be started: {error}"
        self.pid = process.pid
        self._become(State.STARTING)
        try:
            await until_ready(self.program, process)
        except NotReadyError as error:
            await end(self.program, process)
            return False, str(error)
        self._become(State.READY)
        if not outcome.done():
            outcome.set_result(None)
        ready_at = clock()
        code = await process.wait()
        return clock() - ready_at >= self._backoff.steady, describe_exit(code)

    def _become(self, state: State) -> None:
        self.state = state
        self.since = datetime.now(UTC)
        self._changed()


class Supervisor:
    """All programs of one stack, in start order."""

    def __init__(self, logs: Path, changed: Callable[[], None], backoff: Backoff = BACKOFF) -> None:
        self._logs = logs
        self._changed = changed
        self._backoff = backoff
        self._waves: list[list[Kept]] = []

    @property
    def kept(self) -> dict[str, Kept]:
        return {kept.program.name: kept for wave in self._waves for kept in wave}

    def add_wave(self) -> Callable[[Program], Kept]:
        """Programs of one wave are stopped together; later waves are stopped first."""
        wave: list[Kept] = []
        self._waves.append(wave)

        def add(program: Program) -> Kept:
            log = self._logs / f"{program.name}.log"
            wave.append(Kept(program, log, self._changed, self._backoff))
            return wave[-1]

        return add

    async def stop_all(self) -> None:
        for wave in reversed(self._waves):
            await asyncio.gather(*(kept.stop() for kept in wave))

    def pids(self) -> dict[str, int | None]:
        return {name: kept.pid for name, kept in self.kept.items()}


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", file=sys.stderr, flush=True)
