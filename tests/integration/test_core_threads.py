"""The SDK's core gets one thread in a process of ours, or as many as its environment says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

THREADS = Path("/proc/self/task")
ROOT = Path(__file__).parents[2]
NOBODY = "127.0.0.1:1"

CONNECTED = """
import asyncio
from pathlib import Path

from adapters.process.exit import exit_process
from adapters.temporal.client import connect_patiently, priyom_plugin

LOOKS = 10

async def main():
    connecting = asyncio.create_task(connect_patiently(priyom_plugin()))
    seen = []
    # A thread says its name when it first runs: all have when nothing is new for a second.
    while len(seen) < LOOKS or len(set(seen[-LOOKS:])) > 1 or not seen[-1]:
        await asyncio.sleep(0.1)
        names = [each.read_text().strip() for each in Path("/proc/self/task").glob("*/comm")]
        seen.append(names.count("tokio-rt-worker"))
    connecting.cancel()
    print(seen[-1], flush=True)

asyncio.run(main())
exit_process(0)
"""


@pytest.mark.skipif(not THREADS.is_dir(), reason="threads are listed by Linux only")
def test_the_core_has_one_thread_unless_told_otherwise() -> None:
    """One more, for calls that block, is there each time."""
    one = threads_when_told("1")
    assert threads_when_told(None) == one
    assert threads_when_told("3") == one + 2


def threads_when_told(said: str | None) -> int:
    environment = {**os.environ, "TEMPORAL_ADDRESS": NOBODY}
    environment.pop("TOKIO_WORKER_THREADS", None)
    if said is not None:
        environment["TOKIO_WORKER_THREADS"] = said
    shown = subprocess.run(
        [sys.executable, "-c", CONNECTED],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return int(shown.stdout.split()[-1])
