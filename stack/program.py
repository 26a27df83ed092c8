"""A program to run: its command, its readiness probe, its start and its end."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stack.accounts import Account
from stack.errors import NotReadyError
from stack.home import CHECKOUT

Probe = Callable[[], Awaitable[bool]]

PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec the child must not import or open anything.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
LOG_KEPT_BYTES = 10 * 1024 * 1024
# Seconds between two probes: short at first, long later to spare a busy machine.
FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.4
# So many times as long may a program take to start that gives way: beside others it gets a tenth of
# a processor. Killed meanwhile, it would begin anew.
GIVES_WAY_FOR = 4


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Program:
    """Times are seconds: `ready_within` from start to ready, `grace` from asking to killing.

    A niceness above 0 gives the other programs priority on a shared processor, and itself more time
    to start. What it is told by a name relative to its folder needs no quoting, whatever letters
    lead there.
    """

    name: str
    argv: Sequence[str]
    ready: Probe = _at_once
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path = CHECKOUT
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10
    ready_within: float = 90
    niceness: int = 0


async def launch(program: Program, log: Path) -> asyncio.subprocess.Process:
    """Start it; its output goes to the log. Call from the main thread: it dies with that thread."""
    _rotate(log)
    account = program.account
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/" if account else program.folder,
            env={**os.environ, **program.env},
            start_new_session=True,
            preexec_fn=partial(_before_it_starts, program, os.getpid()),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


async def until_ready(program: Program, process: asyncio.subprocess.Process) -> None:
    """Return when its probe succeeds. NotReadyError if it ended or took too long."""
    clock = asyncio.get_running_loop().time
    within = program.ready_within * (GIVES_WAY_FOR if program.niceness else 1)
    deadline = clock() + within
    pause = FIRST_PAUSE
    while process.returncode is None:
        if await program.ready():
            return
        if clock() > deadline:
            raise NotReadyError(f"{program.name} was not ready within {within:g} s")
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes as the process ends.
        # The stopping caller would wait for ever, and the program would be restarted.
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await process.wait()
        pause = min(pause * 1.2, LONGEST_PAUSE)
    raise NotReadyError(f"{program.name} {describe_exit(process.returncode)}")


async def end(program: Program, process: asyncio.subprocess.Process) -> None:
    """Ask it to stop. Kill it and its children if it does not within its grace."""
    with suppress(ProcessLookupError):
        process.send_signal(program.stop_signal)
    try:
        async with asyncio.timeout(program.grace):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def describe_exit(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _before_it_starts(program: Program, parent: int) -> None:
    """In the child: set the niceness, and die with the parent."""
    os.nice(program.niceness)
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, int(program.stop_signal), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))
