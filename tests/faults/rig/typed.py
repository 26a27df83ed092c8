"""Commands of the runbook, typed into a shell beside a stack; each is as written there."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.home import CHECKOUT, Home
from stack.ports import LOOPBACK
from stack.run_state import RunState, addresses
from stack.supplies.prometheus import promtool
from stack.supplies.temporal_cli import temporal_cli

TYPED_SECONDS = 240
FOLLOWED_SECONDS = 5
AGREED = b"y\n"
AS_INSTALLED = "make -o .venv/stamp "
"""What is tried here is what the target does, and not whether its packages are the newest."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed, both streams, and how it ended."""

    status: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Typist:
    """Sits in the checkout; `tools` gets the commands of the servers' makers."""

    home: Path
    state: RunState
    tools: Path

    def __post_init__(self) -> None:
        self.tools.mkdir(exist_ok=True)
        for name, path in (("promtool", promtool()), ("temporal", temporal_cli())):
            (self.tools / name).symlink_to(path)

    async def types(self, command: str, *, home: Path | None = None) -> Said:
        """Runs it to its end, and says yes; `make logs` has none, and is stopped.

        By SIGTERM: whatever is started in the background of a script ignores SIGINT.
        """
        process = await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", command.replace("make ", AS_INSTALLED, 1)),
            cwd=CHECKOUT,
            stdin=asyncio.subprocess.PIPE,
            env=self._environment(command, home or self.home),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        is_followed = command == "make logs"
        try:
            said, _ = await asyncio.wait_for(
                process.communicate(AGREED), FOLLOWED_SECONDS if is_followed else TYPED_SECONDS
            )
        except TimeoutError:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
            return Said(status=0 if is_followed else None, text="stopped")
        return Said(status=process.returncode, text=said.decode())

    def _environment(self, command: str, home: Path) -> Mapping[str, str]:
        """`make` knows the stack of a home; what is run beside it has a process's variables."""
        path = f"{self.tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        of_all = {**os.environ, "PATH": path, "PRIYOM_HOME": str(home), "NO_PROXY": LOOPBACK}
        if command.startswith("make "):
            return of_all
        return {
            **of_all,
            **addresses(self.state),
            "PRIYOM_SECRET": Home(self.home).secret("secret"),
            "PRIYOM_OIDC_ISSUER": self.state.get("issuer", ""),
        }
