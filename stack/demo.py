"""`make demo`: start the stack in a temporary directory, play four stories over HTTP, clean up."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from stack import run_state
from stack.demo_clinic import DemoClinic, NotAsPromisedError
from stack.demo_page import Page
from stack.demo_story import tell
from stack.demo_tokens import DemoTokens
from stack.home import CHECKOUT, Home

HOLD_SECONDS = 8
"""Ten minutes in a real clinic; shorter here, because the reader waits for a hold to lapse."""

# The demo's messages must go to its own mailbox, whatever servers this shell names.
NEVER_INHERITED = ("SMTP_URL", "SMS_GATEWAY_URL")
ANSWER_WITHIN = 15.0


def main() -> int:
    """The exit code: 0 if everything was as promised."""
    try:
        return asyncio.run(demo())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130  # as a shell reports Ctrl+C


async def demo() -> int:
    _stop_on_sigterm()
    page = Page()
    page.title("Priyom: appointments that cannot be booked twice, shown on real servers")
    home = Home(Path(tempfile.mkdtemp(prefix="priyom-demo-")))
    try:
        async with _stack(home) as run:
            await _show(page, home, run)
    except (NotAsPromisedError, httpx.HTTPError) as error:
        page.broken(str(error) or type(error).__name__)
        page.line(f"The servers' logs: {home.logs}")
        return 1
    page.title(
        "Everything was as promised. Now on your own: `make up`, then open the patient's page."
    )
    return 0


async def _show(page: Page, home: Home, run: run_state.RunState) -> None:
    begun = time.monotonic()
    page.title(f"A hold lasts {HOLD_SECONDS} s here, not ten minutes, so that you see one lapse.")
    async with httpx.AsyncClient(
        base_url=run["api"] or "", timeout=ANSWER_WITHIN, trust_env=False
    ) as http:
        tokens = DemoTokens(home, run)
        await tell(DemoClinic(run, http, page, tokens), page, tokens)
    page.title(f"Four stories in {time.monotonic() - begun:.0f} s. Stopping the servers.")


@asynccontextmanager
async def _stack(home: Home) -> AsyncIterator[run_state.RunState]:
    """The running stack of this home. It is always stopped, and deleted unless it failed."""
    ending = "down"
    try:
        if await _command(home, "up") != 0:
            raise NotAsPromisedError("the servers did not start")
        run = run_state.read(home.run_file)
        if run is None:
            raise NotAsPromisedError(f"{home.run_file} was not written")
        yield run
        ending = "reset"
    except asyncio.CancelledError:
        ending = "reset"
        raise
    finally:
        await asyncio.shield(_command(home, ending))


async def _command(home: Home, name: str) -> int:
    environment = {
        **{key: value for key, value in os.environ.items() if key not in NEVER_INHERITED},
        "PRIYOM_HOME": str(home.root),
        "PRIYOM_HOLD_SECONDS": str(HOLD_SECONDS),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", name), cwd=CHECKOUT, env=environment
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.wait()
        raise


def _stop_on_sigterm() -> None:
    """On SIGTERM cancel the demo, as Ctrl+C does, so that the servers are stopped too."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
